"""The stage that trains a picture codec: any codec learns, is judged by its own numbers, and resumes bit for bit."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from motet.codecs.picture_codec import PictureCodec
from motet.codecs.sigma_vae import SigmaVAE, SigmaVaeShape
from motet.codecs.text import TextCodec
from motet.codecs.vq import VQ, VqShape
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.data.loader import document_rng
from motet.embed.lookup import Lookup
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.model import TEXT, Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.recipes.train_codec import TrainCodec, psnr, sample_pixels
from motet.train.loop import train
from motet.train.settings import Budget, TrainSettings

pytestmark = pytest.mark.usefixtures("own_cache")
QUIET = Console(quiet=True)
SIZE = {"dim": 16, "n_layers": 1, "n_heads": 2}
SETTINGS = TrainSettings(
    lr=8e-3, warmup=4, weight_decay=0.0, ema=0.9, precision="fp32", compile="no", checkpoint_steps=3, preview_at=()
)


def sigma_vae() -> SigmaVAE:
    torch.manual_seed(0)
    return SigmaVAE(SigmaVaeShape(patch=4, channels=6, **SIZE))


def vq() -> VQ:
    torch.manual_seed(0)
    return VQ(VqShape(patch=4, codebook_size=24, code_dim=4, decay=0.9, **SIZE))


CODECS = {"sigma_vae": sigma_vae, "vq": vq}


@pytest.fixture
def corpus() -> Corpus:
    """Pictures of two smooth colours, 16 pixels a side."""
    rng, ramp = np.random.default_rng(0), np.linspace(0, 1, 16)[:, None, None]
    documents = []
    for i in range(48):
        one, other = rng.integers(0, 256, (2, 1, 1, 3))
        array = np.broadcast_to(one * ramp + other * (1 - ramp), (16, 16, 3)).astype(np.uint8)
        picture = Image.fromarray(array.swapaxes(0, 1).copy() if i % 2 else array.copy())
        documents.append(Document(str(i), (Part("image", picture), Part("text", f"number {i}"))))
    return Corpus("ramps", Split(tuple(documents[:36]), (16, 16)), Split(tuple(documents[36:]), (16, 16)))


def blocks(n: int) -> Corpus:
    """Pictures of 4 x 4 coloured squares, which are also what is held out."""
    rng = np.random.default_rng(0)
    arrays = [np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((4, 4, 1))).astype(np.uint8) for _ in range(n)]
    few = Split(tuple(Document(str(i), (Part("image", Image.fromarray(a)),)) for i, a in enumerate(arrays)), (16, 16))
    return Corpus("blocks", few, few)


@pytest.mark.parametrize("name", CODECS)
def test_training_on_a_few_pictures_makes_the_averaged_codec_better_at_them(name: str, tmp_path: Path) -> None:
    objective = TrainCodec(CODECS[name](), blocks(4), batch=4, seed=0)
    before = objective.evaluate()["psnr"]
    settings = replace(SETTINGS, lr=2e-2, ema=0.8, eval_at=(), checkpoint_steps=100)
    result = train(objective, Budget(steps=60), settings, tmp_path, "codec", console=QUIET)
    result.ema.adopt()
    assert objective.evaluate()["psnr"] > before + 1.0


def test_a_vq_that_starts_at_random_comes_to_use_its_codes(tmp_path: Path) -> None:
    objective = TrainCodec(vq(), blocks(12), batch=12, seed=0, starts=False)
    before = objective.evaluate()
    settings = replace(SETTINGS, lr=2e-2, ema=0.8, eval_at=(), checkpoint_steps=100)
    result = train(objective, Budget(steps=40), settings, tmp_path, "codec", console=QUIET)
    result.ema.adopt()
    after = objective.evaluate()
    assert before["usage"] < 0.75 and after["usage"] > 0.9
    assert after["perplexity"] > 1.5 * before["perplexity"] and after["psnr"] > before["psnr"] + 6


def test_a_vq_tells_its_usage_and_perplexity_beside_the_psnr(corpus: Corpus) -> None:
    codec = vq()
    objective = TrainCodec(codec, corpus, batch=16, seed=0)
    pixels = corpus.held_out.pixels.batch(range(12))
    codes = [codec.encode(corpus.held_out.pixels.picture(i))[0] for i in range(12)]
    found = objective.evaluate()
    assert list(found) == ["psnr", "usage", "perplexity"]
    # of all 36 training pictures, since so few are held out; they alone use fewer codes
    used = codec.encode_pixels(corpus.train.pixels.batch(range(36))).flatten()
    share = torch.bincount(used, minlength=24) / len(used)
    assert len(torch.cat(codes).unique()) < len(used.unique())
    assert found["usage"] == pytest.approx(float((share > 0).float().mean()))
    assert found["perplexity"] == pytest.approx(float(torch.distributions.Categorical(share).entropy().exp()), rel=1e-5)
    made = codec.decode_pixels(torch.stack(codes), (4, 4)).clamp(-1, 1)
    assert found["psnr"] == pytest.approx(float(psnr(made, pixels).mean()), rel=1e-4)


def test_a_sigma_vae_starts_and_draws_as_it_does_by_itself(corpus: Corpus) -> None:
    codec, alone = sigma_vae(), sigma_vae()
    objective = TrainCodec(codec, corpus, batch=8, seed=3)
    alone.start_from(sample_pixels(corpus, 2048, 3))
    for name, tensor in alone.state_dict().items():
        assert torch.equal(codec.state_dict()[name], tensor), name
    (pixels, noise), following = objective.batch(16)
    assert following == 24
    assert torch.equal(noise, alone.noise_like(torch.empty(8, 16, 6), document_rng(3, 16)))
    losses = objective.losses((pixels, noise))
    terms = alone.loss(pixels, noise)
    assert torch.equal(losses.total, alone.objective(terms)) and losses.tokens == 8 * 16
    assert losses.parts.keys() == terms.keys() == {"l1", "mse", "multiscale", "mean"}
    assert objective.evaluate().keys() == {"psnr"}


def test_what_is_judged_and_shown_is_spread_over_all_that_is_held_out(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = sigma_vae()
    objective, seen = TrainCodec(codec, corpus, batch=8, seed=0), []
    monkeypatch.setattr("motet.recipes.train_codec.JUDGED", 4)
    monkeypatch.setattr("motet.recipes.train_codec.PREVIEWED", 3)
    monkeypatch.setattr(codec, "autoencode", lambda pixels: seen.append(pixels) or pixels)
    objective.evaluate()
    objective.preview(tmp_path / "preview.png")
    every = corpus.held_out.pixels.batch(range(12))
    assert torch.equal(seen[0], every[[0, 3, 6, 9]]) and torch.equal(seen[1], every[[0, 4, 8]])


def test_without_held_out_pictures_nothing_is_judged_or_shown(corpus: Corpus, tmp_path: Path) -> None:
    told = Split((Document("told", (Part("text", "no picture"),)),), (16, 16))
    objective = TrainCodec(sigma_vae(), replace(corpus, held_out=told), batch=8, seed=0)
    assert objective.evaluate() == {}
    objective.preview(tmp_path / "preview.png")
    assert not (tmp_path / "preview.png").exists()


class Stopped(TrainCodec):
    """Asks for the run to end at a cursor."""

    last = 0

    def batch(self, cursor: int) -> tuple[tuple[torch.Tensor, torch.Tensor], int]:
        if cursor == self.last:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().batch(cursor)


@pytest.mark.parametrize("name", CODECS)
def test_a_stopped_training_started_again_equals_the_uninterrupted_one_bit_for_bit(
    name: str, corpus: Corpus, tmp_path: Path
) -> None:
    def run(folder: str, kind: type[TrainCodec]) -> PictureCodec:
        objective = kind(CODECS[name](), corpus, batch=8, seed=0)
        train(objective, Budget(steps=14), SETTINGS, tmp_path / folder, "codec", console=QUIET)
        return objective.module

    Stopped.last = 8 * 6
    started = run("parts", Stopped)
    again, whole = run("parts", TrainCodec), run("whole", TrainCodec)
    for weights in ("model", "ema"):
        one, other = (
            load_file(tmp_path / f / "finished" / "codec" / f"{weights}.safetensors") for f in ("parts", "whole")
        )
        assert one.keys() == other.keys() == whole.state_dict().keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    for key, tensor in whole.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor), key
    assert not torch.equal(started.encoder.linear.weight, whole.encoder.linear.weight)
    if isinstance(whole, VQ):
        assert not torch.equal(started.codebook.codes, whole.codebook.codes), "the codebook learns, too"


def test_codes_are_kept_on_disk_as_whole_numbers_until_the_codebook_moves(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = vq().eval()
    codec.start_from(sample_pixels(corpus, 2048, 0), torch.Generator().manual_seed(0))
    text = TextCodec.learn(corpus.train.texts, 300, ["image"])
    modalities = {
        name: Modality(codec=made, embed=Lookup(size, 8), factorise=NextToken(), head=Categorical(8, size))
        for name, made, size in ((TEXT, text, text.vocab_size), ("image", codec, 24))
    }
    model = Model(Backbone.plain(TransformerShape(dim=8, n_layers=1, n_heads=1, ffn_dim=8)), modalities)

    def codes() -> list[torch.Tensor]:
        return [segments[0].values for segments in corpus.held_out.encoded(model)]

    first = codes()
    for i, found in enumerate(first):
        assert found.dtype == torch.long and torch.equal(found, codec.encode(corpus.held_out.pixels.picture(i))[0])
    calls: list[int] = []
    encode_many = codec.encode_many
    monkeypatch.setattr(codec, "encode_many", lambda raws: calls.append(len(raws)) or encode_many(raws))
    assert all(torch.equal(a, b) for a, b in zip(codes(), first, strict=True)) and not calls
    codec.codebook.codes.copy_(codec.codebook.codes.roll(1, 0))
    moved = codes()
    assert calls and all(torch.equal(b, (a + 1) % 24) for a, b in zip(first, moved, strict=True))
