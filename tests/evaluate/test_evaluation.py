"""The evaluation: rigged models get the numbers that they must, and the pages hold what they promise."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from motet.codecs.codec import Codec
from motet.config import override, to_dict
from motet.data.corpus import Corpus
from motet.data.loader import document_rng
from motet.data.orders import drawn
from motet.data.source import open_source
from motet.errors import ConfigError, DataError, MissingExtra
from motet.evaluate import sections
from motet.evaluate.answers import draw
from motet.evaluate.captions import SentenceEncoder
from motet.evaluate.evaluation import Evaluation, evaluate
from motet.evaluate.judged import image_segments
from motet.evaluate.measures import latents, ratio_interval
from motet.evaluate.run import evaluate_run
from motet.evaluate.timed import Timed
from motet.model import TEXT, Model
from motet.pipeline import IMAGE, Pipeline
from motet.recipes.held_out import DocumentLosses, document_losses
from motet.recipes.latentlm import TINY
from motet.recipes.recipe import initialised
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig, train_run
from motet.request import Request, Sampling
from motet.sequence import Segment, pack
from support.noise_pictures import save_noise

QUICK = Sampling(steps=2, max_tokens=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Twelve pictures of noise with captions, four of them held out."""
    path = tmp_path_factory.mktemp("pictures")
    rows = [
        {"file_name": f"{colour}.png", "text": f"a {colour} square", "split": split}
        for colour, split in save_noise(path).items()
    ]
    (path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_CACHE", str(path / "cache"))
        yield path


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return Corpus.of(open_source(f"folder:{folder}"), (16, 16))


@pytest.fixture(scope="module")
def pipeline(corpus: Corpus) -> Pipeline:
    model = initialised(TINY, TINY.text_codec(corpus), 0)
    codec = model.modality(IMAGE).codec
    codec.start_from(corpus.train.pixels.batch(range(8)))
    codec.measure(corpus.train.pixels.batch(range(8)), document_rng(0, 0))
    return Pipeline(model, QUICK)


@pytest.fixture(scope="module")
def run(corpus: Corpus, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps on the eight pictures that are not held out."""
    path = tmp_path_factory.mktemp("runs") / "run"
    config = RunConfig("latentlm", to_dict(TINY), f"folder:{folder}", minutes=None, steps=4, seed=0, version="0")
    assert train_run(config, corpus, path, console=Console(quiet=True))
    return path


@pytest.fixture
def without_minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise MissingExtra("transformers", "eval")

    monkeypatch.setattr("motet.evaluate.evaluation.SentenceEncoder", refuse)


class _Sees(torch.nn.Module):
    """Mean colour and four pixels, in place of EfficientNet."""

    def forward(self, pictures: torch.Tensor, progress: Any) -> torch.Tensor:
        progress(len(pictures), len(pictures))
        return torch.cat([pictures.float().mean((2, 3)), pictures[:, 0, 5, :4].float()], 1)


class _Reads(SentenceEncoder):
    """How often each letter occurs, in place of MiniLM."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        counts = [[1.0 + text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
        return torch.nn.functional.normalize(torch.tensor(counts), dim=1)


def _rig(monkeypatch: pytest.MonkeyPatch, model: Model, corpus: Corpus, *, shift: int) -> None:
    """Makes the model answer with the true other half of the pair that stands ``shift`` places on."""
    pairs = [*corpus.train.encoded(model), *corpus.held_out.encoded(model)]

    def answer(request: Request) -> list[Segment]:
        asked = request.prompt[0]
        halves = [{segment.modality: segment for segment in pair} for pair in pairs]
        at = next(i for i, pair in enumerate(halves) if torch.equal(pair[asked.modality].values, asked.values))
        assert request.want is not None
        return [halves[(at + shift) % len(halves)][request.want]]

    def generate(model: Model, requests: Sequence[Request], **_: Any) -> list[list[Segment]]:
        return [answer(request) for request in requests]

    monkeypatch.setattr("motet.evaluate.answers.generate", generate)


def _quiet(pipeline: Pipeline, corpus: Corpus, **more: Any) -> Evaluation:
    return evaluate(pipeline, corpus, features=False, timed=Timed(Console(quiet=True)), **more)


def test_a_model_that_always_finds_the_truth_gets_full_marks(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, corpus: Corpus, without_minilm: None
) -> None:
    _rig(monkeypatch, pipeline.model, corpus, shift=0)
    found = _quiet(pipeline, corpus)
    assert found.gallery == 12
    assert {name: len(group.told.right) for name, group in found.groups.items()} == {"trained": 8, "held_out": 4}
    for group in found.groups.values():
        assert group.pixels.top1 == group.told.exact == (1.0, 1.0, 1.0)


def test_a_model_that_always_answers_with_the_next_pair_gets_none(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, corpus: Corpus, without_minilm: None
) -> None:
    _rig(monkeypatch, pipeline.model, corpus, shift=1)
    found = _quiet(pipeline, corpus)
    for group in found.groups.values():
        assert group.pixels.top1.mean == group.told.exact.mean == 0.0


def test_a_model_that_is_mute_is_not_asked_to_describe_and_its_drawings_are_judged_all_the_same(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, corpus: Corpus, without_minilm: None
) -> None:
    _rig(monkeypatch, pipeline.model, corpus, shift=0)
    monkeypatch.setattr("motet.evaluate.evaluation.describe", None)
    found = _quiet(pipeline, corpus, mute="it learns pictures and no text")
    assert found.left_out[0] == "Captions: it learns pictures and no text, so it cannot describe."
    assert not any("imilarity of captions" in sentence for sentence in found.left_out)
    for name, group in found.groups.items():
        assert group.pixels.top1 == (1.0, 1.0, 1.0) and group.to_json()["captions"] is None
        assert sections.captions(found, name) == []
    shown = str([sections.key_numbers(found), sections.all_numbers(found)])
    assert "right picture of 12" in shown and "nearest by pixels" in shown and "aptions" not in shown


def test_an_evaluation_is_the_same_each_time_but_for_its_seconds(
    pipeline: Pipeline, corpus: Corpus, without_minilm: None
) -> None:
    first, second = (_quiet(pipeline, corpus, n=3).to_json() for _ in range(2))
    for timing in ("seconds", "seconds_per_picture"):
        assert first.pop(timing).keys() == second.pop(timing).keys()
    assert json.dumps(first) == json.dumps(second)
    assert first["groups"]["trained"]["n"] == 3


def test_a_missing_package_costs_its_own_numbers_only(pipeline: Pipeline, corpus: Corpus, without_minilm: None) -> None:
    found = _quiet(pipeline, corpus, n=3)
    assert found.groups["trained"].told.similar is None
    assert any("captions" in sentence and "motet[eval]" in sentence for sentence in found.left_out)
    assert found.reconstruction is not None and found.drift is not None


def test_drift_is_also_told_against_latents_behind_true_ones_under_the_same_sampling(
    pipeline: Pipeline, corpus: Corpus, without_minilm: None
) -> None:
    """An untrained head draws its noise, whatever it follows: small at this temperature, but no errors add up."""
    found = _quiet(pipeline, corpus, n=6, sampling=replace(QUICK, temperature=0.25)).to_json()["drift"]
    assert found["norm"] > 1.0 and found["std"] > 1.0
    assert found["from_one_step"] == pytest.approx({"norm": 0, "std": 0, "last_norm": 0, "last_std": 0}, abs=1e-6)
    assert found["one_step"]["norm"] == pytest.approx(found["free"]["norm"])


def test_a_negative_seed_is_refused(pipeline: Pipeline, corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="the seed is -1"):
        evaluate(pipeline, corpus, seed=-1)


def test_losses_by_document_add_up_to_the_models_own_loss(pipeline: Pipeline, corpus: Corpus) -> None:
    model, documents = pipeline.model, corpus.held_out.encoded(pipeline.model)
    found = document_losses(model, documents, order=drawn, row_length=64, seed=5)
    spans = []
    for i, segments in enumerate(documents):
        rng = document_rng(5, i)
        spans.append(model.arrange(drawn(segments), rng))
    own = model.loss(pack(spans, rows=16, length=64), document_rng(6, 0))
    assert found.keys() == own.parts.keys() == {TEXT, IMAGE}
    for name, sums in found.items():
        assert sums.mean() == pytest.approx(float(own.parts[name]), rel=1e-5)
        assert bool((sums.weight > 0).all())


def test_the_interval_of_a_ratio_lies_around_the_mean_over_predictions() -> None:
    rng = torch.Generator().manual_seed(0)
    weight = torch.randint(1, 9, (400,), generator=rng).float()
    interval = ratio_interval(DocumentLosses(weight * (2 + torch.randn(400, generator=rng)), weight))
    assert interval.low < 2.0 < interval.high
    spread = float(
        (weight.square().mean() / weight.mean() ** 2 / 400).sqrt()
    )  # of the weighted mean, noise of 1 a document
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * spread, rel=0.15)


def test_many_pictures_decode_as_each_does_alone(pipeline: Pipeline) -> None:
    codec = pipeline.model.modality(IMAGE).codec
    values = list(torch.randn(5, 4, 8))
    together, alone = codec.decode_many(values, (2, 2)), Codec.decode_many(codec, values, (2, 2))
    for a, b in zip(together, alone, strict=True):
        assert np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).max() <= 1  # rounding, by the batch's size


def test_documents_that_are_no_pairs_are_judged_by_what_applies(
    pipeline: Pipeline, folder: Path, tmp_path: Path
) -> None:
    picture = {"type": "image", "image": str(folder / "red.png")}
    texts = [{"type": "text", "text": words} for words in ("look", "that was red")]
    lines = [{"parts": [texts[0], picture, texts[1]], "split": split} for split in ("train", "held_out")]
    (tmp_path / "documents.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = _quiet(pipeline, Corpus.of(open_source(f"jsonl:{tmp_path / 'documents.jsonl'}"), (16, 16)))
    assert found.groups == {} and found.drift is None
    assert found.losses.keys() == {
        f"{name}/{order}" for name in (TEXT, IMAGE) for order in ("text_first", "image_first")
    }
    assert found.reconstruction is not None
    assert sum("no document there is one text and one picture" in sentence for sentence in found.left_out) == 2


def test_a_run_is_evaluated_into_json_and_a_page_that_hold_every_measure(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motet.evaluate.evaluation.EfficientNetFeatures", _Sees)
    monkeypatch.setattr("motet.evaluate.evaluation.SentenceEncoder", _Reads)
    evaluate_run(run, n=6, sampling=QUICK, console=Console(quiet=True))
    numbers = json.loads((run / "eval/eval.json").read_text())
    assert numbers["left_out"] == []
    assert numbers["groups"]["held_out"]["retrieval"]["features"]["n"] == 4
    assert numbers["distances"]["n"] == 10
    assert 0 < numbers["groups"]["trained"]["captions"]["similarity"]["mean"] <= 1
    few = evaluate_run(run, n=3, documents=3, sampling=QUICK, out=tmp_path / "few", console=Console(quiet=True))
    assert few.left_out == ("6 of 12 documents: at most --documents 3 of a split are looked at.",)
    assert few.gallery == 6 and {name: len(group.answers.judged) for name, group in few.groups.items()} == {
        "trained": 3, "held_out": 3,
    }  # fmt: skip
    page = (run / "eval/index.html").read_text()
    for title in (
        "Key numbers", "Drawing trained names", "Drawing held-out names", "Describing held-out pictures", "Codec",
        "Latent drift", "Learning curves", "All numbers", "Timings", "Model", "Settings",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in page, title
    assert "a red square" in page and "condition_dropout" in page
    assert "Never seen in training." in page


def test_nothing_is_called_unseen_on_data_whose_trained_documents_are_not_those_of_the_run(
    run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("motet.evaluate.evaluation.EfficientNetFeatures", _Sees)
    monkeypatch.setattr("motet.evaluate.evaluation.SentenceEncoder", _Reads)
    moved = shutil.copytree(folder, tmp_path / "moved", ignore=shutil.ignore_patterns("cache"))
    captions = (folder / "metadata.jsonl").read_text()
    (moved / "metadata.jsonl").write_text(captions.replace('"train"', '"held_out"', 1))
    found = evaluate_run(
        run, data=f"folder:{moved}", n=3, sampling=QUICK, out=tmp_path / "out", console=Console(quiet=True)
    )
    told = found.left_out[0]
    assert "8 documents to learn from then, 7 now" in told and "may have been trained" in told
    assert told in caplog.text
    page = (tmp_path / "out/index.html").read_text()
    assert page.count(told) == 2 and "Never seen in training" not in page, "at the top, and where things are left out"


def test_a_place_that_takes_no_results_is_refused_before_anything_is_measured(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object, **__: object) -> None:
        raise AssertionError("it has measured")

    def read_only(*_: object, **__: object) -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setattr("motet.evaluate.run.evaluate", too_late)
    (tmp_path / "results.json").touch()
    for name in ("results.json", "results.json/deeper", "x" * 300):
        with pytest.raises(DataError, match=r"results cannot be written into .*--out results$"):
            evaluate_run(run, out=tmp_path / name, console=Console(quiet=True))
    monkeypatch.setattr("motet.evaluate.run.TemporaryFile", read_only)
    with pytest.raises(DataError, match=r"results cannot be written into .*Permission denied"):
        evaluate_run(run, out=tmp_path / "folder", console=Console(quiet=True))


@pytest.mark.parametrize(("name", "changes", "scales"), [("puma", {}, 1), ("janus", {"generation": "latent"}, 0)])
def test_what_is_drawn_is_held_against_as_much_of_what_is_true(
    name: str, changes: dict[str, Any], scales: int, corpus: Corpus
):
    recipe = override(RECIPES[name].sizes["tiny"], changes)
    model = initialised(recipe, recipe.text_codec(corpus), 0)
    how = replace(QUICK, scales=scales)
    segments = image_segments(corpus.held_out, model)
    found = latents(model, segments, how, seed=0)
    texts = [segment for document in corpus.held_out.encoded(model) for segment in document if segment.modality == TEXT]
    free = draw(model, texts, how, lambda done: None).latents
    assert {one.shape for one in found} == {one.shape for one in free}
