from pathlib import Path

import pytest
from PIL import Image

from motet.data.picture import SUFFIXES, read_picture
from motet.data.picture_file import LONGEST, check_place, save
from motet.errors import DataError


@pytest.mark.parametrize("suffix", [*sorted(SUFFIXES), ".PNG"])
def test_every_name_that_is_accepted_is_written_and_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"out{suffix}"
    check_place(path)
    assert not path.parent.exists(), "looking makes nothing"
    save(Image.new("RGB", (6, 4), "blue"), path)
    assert read_picture(path).size == (6, 4)


@pytest.mark.parametrize(("name", "said"), [("out.xyz", "it ends in .xyz"), ("out", "its name has no ending")])
def test_another_name_is_refused_with_those_that_are_accepted(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"{said}; give a name such as out\.png, with one of \.bmp, .*\.webp"):
        check_place(tmp_path / name)


def test_a_place_that_takes_no_files_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file takes no new files; give another place"):
        check_place(tmp_path / "file" / "deeper" / "out.png")


def test_a_picture_that_cannot_be_written_after_all_says_so(tmp_path: Path) -> None:
    (tmp_path / "out.png").mkdir()
    with pytest.raises(DataError, match=r"out\.png cannot be written"):
        save(Image.new("RGB", (6, 4)), tmp_path / "out.png")


@pytest.mark.parametrize(("suffix", "most"), LONGEST.items())
def test_a_picture_too_long_for_its_format_is_refused_before_the_work_and_no_shorter_one(
    tmp_path: Path, suffix: str, most: int
) -> None:
    path = tmp_path / f"out{suffix}"
    save(Image.new("L", (1, most)), path)
    with pytest.raises((OSError, ValueError), match=r"."):
        Image.new("L", (1, most + 40)).save(path)  # Pillow's own limit is a few pixels further for some
    with pytest.raises(
        DataError, match=rf"1 x {most + 1:,} pixels.* has {most:,} at most; give a name that ends in .png"
    ):
        check_place(path, (1, most + 1))
    check_place(tmp_path / "out.png", (1, most + 1))
