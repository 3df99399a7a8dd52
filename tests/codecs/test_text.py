"""The text codec: what goes in comes out."""

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE

from motet.codecs.text import TextCodec, marks
from motet.errors import CheckpointError

TEXTS = [
    "a red fox",
    "a red heart",
    "the quick brown fox jumps over the lazy dog",
    "naïve café",
    "👩🏽‍🚀 astronaut",
] * 3


@pytest.fixture(scope="module")
def codec() -> TextCodec:
    return TextCodec.learn(TEXTS, 320, ["image"])


def arbitrary(draw: random.Random) -> str:
    """Any unicode scalar values at all (surrogates are none)."""
    ranges = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]
    return "".join(chr(draw.randint(*draw.choice(ranges))) for _ in range(draw.randint(0, 30)))


def test_any_text_at_all_comes_back_as_it_was(codec: TextCodec):
    draw = random.Random(0)
    odd = [
        "",
        " ",
        "  two  spaces ",
        "\n\t\r\x00",
        "e\u0301 is not é",
        "\ufeff\u202e",
        "👩🏽‍🚀",
        " leading",
        "trailing ",
    ]
    for text in [*odd, *(arbitrary(draw) for _ in range(500))]:
        ids, grid = codec.encode(text)
        assert codec.decode(ids) == text and grid == ()
        assert not len(ids) or int(ids.max()) < codec.vocab_size


@pytest.mark.parametrize("name", ["<|document|>", "<|end|>", "<|image|>", "<|/image|>"])
def test_the_name_of_a_special_token_inside_a_text_is_ordinary_characters(codec: TextCodec, name: str):
    text = f"say {name} twice: {name}"
    ids, _ = codec.encode(text)
    assert codec.id_of(name) not in ids.tolist()
    assert codec.decode(ids) == text


def test_special_tokens_are_not_read_back_as_text(codec: TextCodec):
    ids, _ = codec.encode("fox")
    assert codec.decode(ids.new_tensor([codec.begin, *ids.tolist(), codec.end])) == "fox"


def test_learning_merges_what_is_frequent_and_keeps_to_the_size(codec: TextCodec):
    assert codec.vocab_size <= 320
    assert len(codec.encode("a red fox")[0]) < len("a red fox")
    assert {codec.id_of(mark) for mark in marks("image")} | {codec.begin, codec.end} == {0, 1, 2, 3}


def test_a_saved_tokenizer_loads_as_the_same_codec(codec: TextCodec, tmp_path: Path):
    codec.save(tmp_path / "tokenizer.json")
    loaded = TextCodec.load(tmp_path / "tokenizer.json", modalities=["image"])
    assert loaded.fingerprint() == codec.fingerprint() and loaded.vocab_size == codec.vocab_size
    for text in ("a red fox", "<|image|>", "naïve 👩🏽‍🚀"):
        assert loaded.encode(text)[0].tolist() == codec.encode(text)[0].tolist()


def test_a_foreign_tokenizer_gets_the_tokens_it_lacks_behind_its_own(tmp_path: Path):
    Tokenizer(BPE(vocab={"a": 0, "b": 1, "<s>": 2}, merges=[])).save(str(tmp_path / "tokenizer.json"))
    loaded = TextCodec.load(tmp_path / "tokenizer.json", begin="<s>", modalities=["image"])
    assert loaded.begin == 2 and loaded.vocab_size == 6
    assert {loaded.end, *(loaded.id_of(mark) for mark in marks("image"))} == {3, 4, 5}


def test_ids_with_holes_between_them_are_all_below_the_size_of_the_vocabulary(tmp_path: Path):
    Tokenizer(BPE(vocab={"a": 0, "b": 1, "<s>": 9}, merges=[])).save(str(tmp_path / "tokenizer.json"))
    loaded = TextCodec.load(tmp_path / "tokenizer.json", begin="<s>", modalities=["image"])
    ids = [loaded.begin, loaded.end, *(loaded.id_of(mark) for mark in marks("image"))]
    assert max(ids) >= 9 and len(set(ids)) == 4
    assert loaded.vocab_size == max(ids) + 1


@pytest.mark.parametrize("damaged", ["", "{}", "[1, 2]", '{"model": {"type": "BPE"'])
def test_a_file_that_is_no_tokenizer_is_an_error_in_words(tmp_path: Path, damaged: str):
    (tmp_path / "tokenizer.json").write_text(damaged)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json cannot be read as a tokenizer \(.*\); expected a"):
        TextCodec.load(tmp_path / "tokenizer.json")


def test_another_tokenizer_has_another_fingerprint(codec: TextCodec):
    assert TextCodec.learn([*TEXTS, "zzz zzz zzz zzz"], 320, ["image"]).fingerprint() != codec.fingerprint()


def test_a_missing_file_and_a_missing_token_are_errors_that_say_what_to_do(codec: TextCodec, tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"no tokenizer at .*; expected a tokenizer\.json"):
        TextCodec.load(tmp_path / "none.json")
    with pytest.raises(
        CheckpointError, match="has no token '<|audio|>'; load it with TextCodec.load".replace("|", r"\|")
    ):
        codec.id_of("<|audio|>")
