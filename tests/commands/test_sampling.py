from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from motet.codecs.text import TextCodec
from motet.commands import sampling
from motet.commands.sampling import Wanted, sample
from motet.config import to_dict
from motet.errors import CapabilityError, CheckpointError, DataError
from motet.pipeline import Pipeline
from motet.recipes.latentlm import TINY
from motet.recipes.recipe import initialised
from motet.recipes.run import RunConfig
from motet.recipes.same_data import write_data
from motet.request import Sampling
from motet.whole import write_json

QUIET = Console(quiet=True)


@pytest.mark.parametrize(
    ("out", "folder"), [("out.xyz", False), ("out", False), ("file/out.png", False), ("file", True)]
)
def test_a_picture_that_cannot_be_written_is_refused_before_a_model_is_loaded(
    out: str, folder: bool, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        sample(tmp_path, Wanted(["x"], 1, 0), sampling=Sampling(), out=tmp_path / out, folder=folder, console=QUIET)
    with pytest.raises(CheckpointError, match="not a run folder"):
        sample(
            tmp_path, Wanted(["x"], 1, 0), sampling=Sampling(), out=tmp_path / "out.png", folder=False, console=QUIET
        )


def test_a_model_that_never_learned_to_draw_is_not_asked(tmp_path: Path) -> None:
    recipe = replace(TINY, text_first=0.0)
    write_json(tmp_path / "config.json", to_dict(RunConfig("latentlm", to_dict(recipe), "emoji", None, 4, 0, "test")))
    with pytest.raises(CapabilityError, match=r"cannot draw pictures: it learns text from pictures alone"):
        sample(tmp_path, Wanted(["x"], 1, 0), sampling=Sampling(), out=tmp_path / "o.png", folder=False, console=QUIET)
    write_data(tmp_path, {}, {"image"})  # its documents are chats, or edits
    with pytest.raises(CheckpointError, match=r"there is no .*ema\.safetensors"):
        sample(tmp_path, Wanted(["x"], 1, 0), sampling=Sampling(), out=tmp_path / "o.png", folder=False, console=QUIET)


@pytest.mark.parametrize("picture", [False, True])
@pytest.mark.parametrize(("prompts", "n"), [(1, 1), (1, 3), (4, 2)])
def test_the_size_that_is_judged_before_drawing_is_that_of_the_picture(
    tmp_path: Path, prompts: int, n: int, picture: bool
) -> None:
    wanted = Wanted(["a fox"] * prompts, n, 0, (16, 24), tmp_path if picture else None)
    drawn, given = Image.new("RGB", (24, 16)), [Image.new("RGB", (32, 8))] if picture else []
    rows = [("a fox", [drawn] * n)] * prompts
    sampling._write(rows, given, 0, tmp_path / "out.png", folder=False)
    assert Image.open(tmp_path / "out.png").size == sampling._size(wanted, (8, 32))


def test_more_prompts_than_a_format_has_room_for_are_refused_before_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "config.json", to_dict(RunConfig("latentlm", to_dict(TINY), "emoji", None, 4, 0, "test")))
    text = TextCodec.learn(["a"], 270, ["image"])
    monkeypatch.setattr(sampling, "load", lambda run: Pipeline(initialised(TINY, text, 0), TINY.sampling))
    many = Wanted(["x"] * 200, 1, 0)
    with pytest.raises(DataError, match=r"a side in \.webp has 16,383 at most"):
        sample(tmp_path, many, sampling=Sampling(), out=tmp_path / "o.webp", folder=False, console=QUIET)
