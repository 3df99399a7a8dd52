from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from motet.commands.sampling import Wanted, sample
from motet.config import to_dict
from motet.errors import CapabilityError, CheckpointError, DataError
from motet.recipes.latentlm import TINY
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
