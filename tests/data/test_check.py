import io
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from motet.data.check import check, write_down
from motet.data.picture import MAX_PIXELS
from motet.data.problem import Reason
from motet.data.quarantine import read_quarantine
from motet.data.report import Report
from motet.data.source import open_source
from motet.errors import DataError

Paint = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("cache")

EXPECTED = {
    "bomb.png": Reason.TOO_LARGE,
    "copy.png": Reason.DUPLICATE,
    "cut.png": Reason.TRUNCATED,
    "deep.png": Reason.UNSUPPORTED_MODE,
    "empty.png": Reason.EMPTY_FILE,
    "gone.png": Reason.MISSING_FILE,
    "page.png": Reason.NOT_AN_IMAGE,
    "silent.png": Reason.MISSING_CAPTION,
    "untold.png": Reason.MISSING_CAPTION,
    "metadata.jsonl: line 1": Reason.INVALID_JSON,
}


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bomb") / "bomb.png"
    Image.new("1", (10_000, 10_000)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, paint: Paint, bomb: Path) -> Path:
    """Three good pictures, one that two captions share, and one of each kind of bad item."""
    paint("a.png", "red"), paint("b.png", 40, mode="L", size=(10, 20)), paint("c.jpg", (1, 2, 3, 4), mode="CMYK")
    paint("shared.png", "red")
    paint("copy.png", "red"), paint("silent.png", "blue"), paint("untold.png", "green")
    (tmp_path / "bomb.png").write_bytes(bomb.read_bytes())
    Image.new("F", (4, 4)).save(tmp_path / "deep.png", "TIFF")
    noise = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(noise, "PNG")
    (tmp_path / "cut.png").write_bytes(noise.getvalue()[:5000])
    (tmp_path / "empty.png").touch()
    (tmp_path / "page.png").write_text("<html>")
    told = ["a", "b", "c", "bomb", "deep", "cut", "empty", "page", "gone"]
    rows = [{"file_name": f"{name}.{'jpg' if name == 'c' else 'png'}", "text": f"the picture {name}"} for name in told]
    rows += [{"file_name": "copy.png", "text": "the picture a"}, {"file_name": "shared.png", "text": "another red"}]
    rows += [{"file_name": "silent.png", "text": ""}]
    (tmp_path / "metadata.jsonl").write_text("{bad\n" + "\n".join(map(json.dumps, rows)))
    return tmp_path


def checked(spec: str, out: Path | None = None) -> Report:
    """A report that is written down."""
    report = check(open_source(spec), progress=False)
    write_down(report, out)
    return report


@pytest.fixture
def report(folder: Path) -> Report:
    return checked(f"folder:{folder}")


def rendered(report: Report) -> str:
    out = io.StringIO()
    report.render(Console(file=out, width=400))
    return out.getvalue()


def _close(folder: Path) -> None:
    """Not even root can write a quarantine file there now."""
    (folder / f"quarantine.jsonl.{platform.node()}.{os.getpid()}.partial").mkdir()


def test_each_kind_of_bad_item_goes_to_quarantine_with_its_reason(folder: Path, report: Report) -> None:
    assert {problem.id: problem.reason for problem in report.problems} == EXPECTED
    assert read_quarantine(folder / "quarantine.jsonl") == {id: str(reason) for id, reason in EXPECTED.items()}


def test_the_bomb_is_over_the_limit_and_its_size_is_said(report: Report) -> None:
    assert 100e6 > MAX_PIXELS
    detail = next(problem.detail for problem in report.problems if problem.id == "bomb.png")
    assert "10000x10000 = 100 megapixels" in detail


def test_training_skips_exactly_what_was_found(folder: Path, report: Report) -> None:
    source = open_source(f"folder:{folder}")
    assert [document.id for document in source.documents()] == ["a.png", "b.png", "c.jpg", "shared.png"]
    assert dict(source.skipped) == {problem.id: problem.reason for problem in report.problems}
    assert all(part.load() for document in source.documents() for part in document.parts)


def test_only_what_can_be_used_is_counted(report: Report) -> None:
    assert (report.entries, report.documents) == (14, 4)
    assert report.parts == {"text": 4, "image": 4}
    assert report.sizes == {(8, 8): 3, (10, 20): 1}
    assert report.modes == {"RGB": 2, "L": 1, "CMYK": 1}
    assert report.converted == 2
    assert report.words == {3: 3, 2: 1}


def test_the_same_picture_under_another_text_is_a_warning_and_kept(report: Report) -> None:
    assert any("a.png = shared.png" in warning for warning in report.warnings)


def test_checking_again_finds_the_same(folder: Path, report: Report) -> None:
    again = checked(f"folder:{folder}")
    assert again.to_json() == report.to_json()


def test_a_repaired_item_comes_back_after_another_check(folder: Path, report: Report, paint: Paint) -> None:
    assert "cut.png" in dict(open_source(f"folder:{folder}").skipped)
    paint("cut.png", "yellow")
    checked(f"folder:{folder}")
    assert "cut.png" in {document.id for document in open_source(f"folder:{folder}").documents()}
    assert "cut.png" not in report.quarantine.read_text()


def test_the_quarantine_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.jsonl"
    report = checked(f"folder:{folder}", out=elsewhere)
    assert report.quarantine == elsewhere
    assert f"move it to {folder / 'quarantine.jsonl'}" in rendered(report)
    assert len(read_quarantine(elsewhere)) == len(EXPECTED)
    assert not (folder / "quarantine.jsonl").exists()


def test_data_that_can_only_be_read_are_quarantined_in_the_cache_and_training_skips_exactly_that(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _close(folder)
    report = checked(f"folder:{folder}")
    assert report.quarantine is not None and report.quarantine.is_relative_to(cache)
    assert f"listed in {report.quarantine}. Training skips exactly these" in rendered(report)
    monkeypatch.chdir(folder.parent)
    for spec in (f"folder:{folder}", f"folder:{folder.name}"):
        source = open_source(spec)
        assert dict(source.skipped) == {problem.id: problem.reason for problem in report.problems}
        assert [document.id for document in source.documents()] == ["a.png", "b.png", "c.jpg", "shared.png"]


def test_a_check_that_cannot_be_written_down_is_still_a_report(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _close(folder)
    (cache / "file").touch()
    monkeypatch.setenv("MOTET_CACHE", str(cache / "file"))
    report = check(open_source(f"folder:{folder}"), progress=False)
    with pytest.raises(DataError, match=r"cannot be written .* give another place"):
        write_down(report)
    assert rendered(report).rstrip().endswith("10 of 14 items cannot be used.")


def test_a_jsonl_has_its_quarantine_beside_it(tmp_path: Path, paint: Paint) -> None:
    paint("fox.png")
    part = [{"type": "text", "text": "a fox"}, {"type": "image", "image": "fox.png"}]
    rows = [{"id": "a", "parts": part}, {"id": "b", "parts": part}, {"id": "c", "parts": part[::-1]}]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    checked(f"jsonl:{tmp_path}/data.jsonl")
    assert read_quarantine(tmp_path / "data.jsonl.quarantine.jsonl") == {"b": "duplicate"}
    assert [document.id for document in open_source(f"jsonl:{tmp_path}/data.jsonl").documents()] == ["a", "c"]


def test_a_held_out_picture_that_is_also_trained_on_is_a_warning(tmp_path: Path, paint: Paint) -> None:
    paint("train/fox/a.png"), paint("test/hare/a.png"), paint("train/ape/b.png", "blue")
    report = check(open_source(f"folder:{tmp_path}"), progress=False)
    assert any("held-out pictures also trained on, with another text: 1" in warning for warning in report.warnings)


def test_pictures_of_equal_bytes_and_other_shapes_are_not_duplicates(tmp_path: Path, paint: Paint) -> None:
    paint("fox/a.png", size=(4, 8)), paint("fox/b.png", size=(8, 4))
    assert check(open_source(f"folder:{tmp_path}"), progress=False).problems == []


def test_repeated_captions_are_listed_with_their_counts(tmp_path: Path, paint: Paint) -> None:
    for n in range(3):
        paint(f"fox/{n}.png", (n, n, n))
    paint("hare/0.png")
    assert check(open_source(f"folder:{tmp_path}"), progress=False).repeated == [("fox", 3)]


def test_the_report_says_what_is_wrong_and_where_it_is_listed(folder: Path, report: Report) -> None:
    text = rendered(report)
    assert "4 of 14 usable" in text
    assert "10 of 14 items cannot be used" in text
    assert f"{folder / 'quarantine.jsonl'}. Training skips exactly these" in text
    for reason in set(EXPECTED.values()):
        assert reason in text


def test_markup_and_odd_bytes_in_names_do_not_break_the_report() -> None:
    report = Report("folder:[red]x", notes=["[bold]note \udcff"])
    report.captions.update(["[/nope] caption"] * 2)
    text = rendered(report)
    assert "[red]x" in text
    assert "[bold]note \\udcff" in text
    assert "[/nope] caption" in text


def test_many_sizes_are_shown_in_bins_of_the_shorter_side() -> None:
    report = Report("x")
    report.sizes.update({(63, 900): 1, (64, 64): 2, (2000, 127): 3, **{(1024 + n, 2000): 1 for n in range(9)}})
    assert "under 64: 1, 64 to 127: 5, 1024 or more: 9" in rendered(report)


def test_the_report_is_json(report: Report) -> None:
    content = json.loads(report.to_json())
    assert content["documents"] == 4
    assert content["sizes"] == {"8x8": 3, "10x20": 1}
    assert content["words"] == {"least": 2, "mean": 2.75, "most": 3}
    assert content["reasons"]["missing caption"] == 2
    assert len(content["problems"]) == len(EXPECTED)
