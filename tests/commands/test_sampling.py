from pathlib import Path

import pytest
from rich.console import Console

from motet.commands.sampling import Wanted, sample
from motet.errors import CheckpointError, DataError
from motet.request import Sampling

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
