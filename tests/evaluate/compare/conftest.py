"""A small folder of pictures, some of them asked about, and a recipe that learns in seconds."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.evaluate.compare.budget import Allowance
from motet.evaluate.compare.plan import Arm, Comparison, Measuring
from motet.recipes.latentlm import TINY, LatentLM
from motet.request import Sampling
from motet.train.settings import Budget
from support.noise_pictures import save_noise


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Pairs of noise and captions, and questions with answers, four of each held out; as a spec."""
    path = tmp_path_factory.mktemp("pictures")
    lines = []
    for colour, split in save_noise(path).items():
        picture = {"type": "image", "image": str(path / f"{colour}.png")}
        caption = {"parts": [{"type": "text", "text": f"a {colour} square"}, picture], "split": split}
        asked = {"role": "user", "content": [picture, {"type": "text", "text": "what colour is it?"}]}
        lines += [caption, {"messages": [asked, {"role": "assistant", "content": colour}], "split": split}]
    (path / "documents.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_CACHE", str(path / "cache"))
        yield f"jsonl:{path / 'documents.jsonl'}"


@pytest.fixture(scope="session")
def corpus(data: str) -> Corpus:
    return Corpus.of(open_source(data), (16, 16))


@pytest.fixture(scope="session")
def quick() -> LatentLM:
    """The tiny recipe with few solver steps and short answers."""
    return replace(TINY, rows=2, sampling=Sampling(steps=2, max_tokens=4))


@pytest.fixture
def comparison(data: str, quick: LatentLM) -> Comparison:
    """Two variants of a tiny recipe under two seeds, a few steps each."""
    return Comparison(
        arms=(
            Arm("plain", "latentlm", quick),
            Arm("thin", "latentlm", replace(quick, head=replace(quick.head, n_layers=1))),
        ),
        data=data,
        allowance=Allowance("samples", 15.0),
        codecs=Budget(steps=2),
        seeds=(0, 1),
        measuring=Measuring(pictures=3, prompts=2, timed=(1,), shown=2, features=False),
    )
