"""Rows: documents that are longer than one are left out and counted, and refused where they are many."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from motet.codecs.text import TextCodec
from motet.config import override, to_dict
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.data.orders import drawn
from motet.data.source import open_source
from motet.errors import DataError, ShapeError
from motet.model import TEXT
from motet.recipes.latentlm import TINY
from motet.recipes.recipe import initialised
from motet.recipes.registry import RECIPES
from motet.recipes.rows import LEFT_OUT, fitting
from motet.recipes.run import RunConfig, train_run
from motet.recipes.study import TEXT_FIRST
from motet.sequence import Segment

SIZE = (16, 16)
ROOM = TINY.row_length
pytestmark = pytest.mark.usefixtures("own_cache")


def letters() -> TextCodec:
    """A codec of one id for each letter."""
    return TextCodec.learn(["a"], 270, ["image"])


def pair(id: str, length: int) -> Document:
    """A text of so many letters with a picture of its own."""
    colour = (37 * length % 256, 11 * sum(map(ord, id)) % 256, 90)
    return Document(id, (Part("text", "x" * length), Part("image", Image.new("RGB", SIZE, colour))), id)


def pairs(lengths: Sequence[int], *, of: str = "") -> Split:
    return Split(tuple(pair(f"{of}{n}", length) for n, length in enumerate(lengths)), SIZE)


def ids(split: Split) -> list[str]:
    return [document.id for document in split.documents]


def test_documents_that_are_longer_than_a_row_are_left_out_of_both_splits_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    corpus = Corpus("letters", pairs([5] * 7 + [200] + [5] * 12), pairs([5, 300, 5], of="h"))
    found = fitting(TINY, letters(), corpus, at_most=LEFT_OUT)
    assert ids(found.train) == [id for id in ids(corpus.train) if id != "7"]
    assert ids(found.held_out) == ["h0", "h2"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"2 of 23 documents of letters are longer than a row of {ROOM} tokens" in record.message
    assert re.search("the longest, 'h1', has 30[0-9]", record.message)


def test_data_that_fits_stays_as_it_is_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    corpus = Corpus("letters", pairs([5, 6]), pairs([7]))
    assert fitting(TINY, letters(), corpus, at_most=0.0) is corpus
    assert not caplog.records


@pytest.mark.parametrize("name", RECIPES)
def test_what_fits_is_what_training_can_lay(name: str) -> None:
    recipe, text = RECIPES[name].sizes["tiny"], letters()
    room = to_dict(recipe)["row_length"]
    lengths = range(room - 50, room + 2)
    corpus = Corpus("letters", pairs(lengths), pairs(lengths))
    found = fitting(recipe, text, corpus)
    model = initialised(recipe, text, 0)
    (picture,) = model.modality("image").codec.encode_many([Image.new("RGB", SIZE, "red")])
    laid = []
    for length in lengths:
        segments = [Segment(TEXT, *text.encode("x" * length)), Segment("image", *picture)]
        spans = [model.arrange(order(segments), torch.Generator()) for order in (drawn, recipe.describing())]
        laid.append(max(sum(len(span) for span in document) for document in spans))
    assert ids(found.train) == [str(n) for n, tokens in enumerate(laid) if tokens <= room]
    assert 0 < len(found.train.documents) < len(lengths)


def test_more_than_a_tenth_is_an_error_whose_advice_helps() -> None:
    corpus = Corpus("letters", pairs([5] * 16 + [100, 100, 100]), pairs([5, 5000], of="h"))
    with pytest.raises(ShapeError, match=r"4 of 21 documents .* 'h1', has 5,0\d\d\. .*--set row_length=\d+") as told:
        fitting(TINY, letters(), corpus, at_most=LEFT_OUT)
    enough = int(re.findall(r"row_length=(\d+)", str(told.value))[0])
    assert enough < 200, "one document of 5,000 tokens makes nobody's rows longer"
    found = fitting(replace(TINY, row_length=enough), letters(), corpus, at_most=LEFT_OUT)
    assert len(found.train.documents) == 19 and ids(found.held_out) == ["h0"]


def test_a_split_is_never_emptied_by_training_but_may_be_where_a_run_is_judged() -> None:
    corpus = Corpus("letters", pairs([5] * 20), pairs([300], of="h"))
    with pytest.raises(ShapeError, match=r"1 of 21 documents .* --set row_length=320"):
        fitting(TINY, letters(), corpus, at_most=LEFT_OUT)
    assert ids(fitting(TINY, letters(), corpus).held_out) == []


def go(corpus: Corpus, run: Path, tokenizer: Path) -> bool:
    quiet = {f"{stage}.checkpoint_steps": 100 for stage in ("codec_training", "training")}
    small = {"tokenizer": str(tokenizer), "rows": 2, "codec_batch": 4, "training.preview_at": ()}
    recipe = override(TINY, {**small, **quiet})
    config = RunConfig("latentlm", to_dict(recipe), corpus.name, None, 6, 0, "test")
    return train_run(config, corpus, run, console=Console(quiet=True))


def test_a_document_that_is_too_long_changes_nothing_of_the_run_and_so_does_a_held_out_split_without_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    letters().save(tmp_path / "letters.json")
    told = Split((Document("told", (Part("text", "no picture"),)),), SIZE)
    some = pairs([5, 9, 7, 12, 4, 8, 6, 10, 11, 13, 14, 15])
    more = replace(some, documents=(*some.documents[:3], pair("long", 500), *some.documents[3:]))
    for name, split in (("some", some), ("more", more)):
        assert go(Corpus("letters", split, told), tmp_path / name, tmp_path / "letters.json")
    assert caplog.text.count("1 of 14 documents of letters are longer than a row") == 1
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("some", "more"))
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.parametrize("bad", ["too long", "gone"])
def test_data_that_cannot_be_trained_on_leaves_no_run_behind(bad: str, tmp_path: Path) -> None:
    letters().save(tmp_path / "letters.json")
    gone = Document("gone", (Part("text", "x"), Part("image", tmp_path / "gone.png")))
    train = pairs([5, 200, 300]) if bad == "too long" else Split((gone,), SIZE)
    with pytest.raises(ShapeError if bad == "too long" else DataError, match=r"row_length=|^gone: .*motet data check"):
        go(Corpus("letters", train, pairs([5])), tmp_path / "run", tmp_path / "letters.json")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", RECIPES)
def test_scenes_fit_the_rows_of_a_study(name: str) -> None:
    study = RECIPES[name].sizes["study"]
    corpus = Corpus.of(open_source("scenes:level=1-4,size=32,n=60,kind=told,lattice=8"), (study.image_size,) * 2)
    kinds = [override(study, {"tokens": kind}) for kind in ("continuous", "discrete")] if name == "fluid" else [study]
    for recipe in kinds:
        assert fitting(recipe, recipe.text_codec(corpus), corpus, at_most=0.0) is corpus


def test_studies_of_all_recipes_that_describe_draw_equally_often() -> None:
    studies = [RECIPES[name].sizes["study"] for name in RECIPES]
    shares = {type(study).__name__: study.text_first for study in studies if not study.mute()}
    assert set(shares.values()) == {TEXT_FIRST}, shares
    assert len(shares) == len(RECIPES) - 1, "DiT alone writes nothing"
