"""The command line, as a user meets it: one tiny run on twelve pictures, and everything that can be asked of it."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image, ImageDraw
from typer.main import get_command
from typer.testing import CliRunner

from motet.cli import app
from motet.evaluate.compare import Compared
from motet.evaluate.compare.run_one import Failure
from motet.pipeline import Pipeline, Prompt
from motet.types import Raw

COLOURS = ("red", "green", "blue")
SHAPES = ("disc", "box", "bar", "frame")
COMMANDS = ["demo", "train", "sample", "describe", "eval", "data check", "show", "list", "compare", "claims"]


def motet(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "100"})


def draw(path: Path, colour: str, shape: str) -> None:
    picture = Image.new("RGB", (16, 16), "white")
    pen = ImageDraw.Draw(picture)
    box = (2, 6, 13, 9) if shape == "bar" else (3, 3, 12, 12)
    if shape == "disc":
        pen.ellipse(box, fill=colour)
    elif shape == "frame":
        pen.rectangle(box, outline=colour, width=2)
    else:
        pen.rectangle(box, fill=colour)
    picture.save(path)


def fill(folder: Path) -> Path:
    folder.mkdir()
    for colour in COLOURS:
        for shape in SHAPES:
            draw(folder / f"{colour}-{shape}.png", colour, shape)
            (folder / f"{colour}-{shape}.txt").write_text(f"a {colour} {shape}")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cli")
        patch.setenv("MOTET_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        fill(folder / "pictures")
        yield folder


TRAIN = ("train", "latentlm", "--data", "folder:pictures", "--size", "tiny", "--steps", "8")


@pytest.fixture(scope="module")
def trained(place: Path) -> Result:
    return motet(*TRAIN, "--out", "run")


@pytest.fixture
def run(trained: Result) -> str:
    assert trained.exit_code == 0, trained.output
    return "run"


def test_training_says_what_it_learns_from_and_what_to_try_next(trained: Result, place: Path) -> None:
    assert trained.exit_code == 0, trained.output
    assert "11 documents to learn from, 1 held out" in trained.output
    assert 'motet sample run "a' in trained.output
    held = {"config.json", "tokenizer.json", "model.safetensors", "ema.safetensors", "log.jsonl"}
    assert held <= {path.name for path in (place / "run").iterdir()}
    assert json.loads((place / "run/config.json").read_text())["data"] == "folder:pictures"


def test_the_same_command_again_finds_the_run_finished_and_changes_no_file_even_with_another_budget(
    run: str, place: Path
) -> None:
    before = {path: path.read_bytes() for path in (place / "run").iterdir() if path.is_file()}
    again = motet(*TRAIN[:-1], "99", "--out", "run")
    assert again.exit_code == 0, again.output
    assert "is finished already, after 8 steps; for more training use another --out" in again.output
    assert {path: path.read_bytes() for path in before} == before


def test_an_interrupted_run_exits_with_130_and_the_same_command_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from motet.train.interrupt import Interrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(Interrupt, "__enter__", _asked_at_once)
        first = motet(*TRAIN, "--out", "stopped")
    assert first.exit_code == 130, first.output
    assert "The same command goes on" in first.output
    second = motet(*TRAIN, "--out", "stopped")
    assert second.exit_code == 0, second.output
    assert "going on with it" in second.output


def _asked_at_once(self: object) -> object:
    self.asked = True  # type: ignore[attr-defined]
    return self


def test_a_run_of_other_settings_is_not_touched(run: str) -> None:
    ran = motet(*TRAIN, "--out", run, "--seed", 1)
    assert ran.exit_code == 2
    assert "holds a run with other settings: seed=0 (now 1)" in ran.output


def test_a_sheet_has_a_row_for_each_prompt_and_a_column_for_each_picture(run: str, place: Path) -> None:
    ran = motet("sample", run, "a red disc", "a blue box", "-n", 3, "--steps", 2, "-o", "sheet.png")
    assert ran.exit_code == 0, ran.output
    assert re.search(r"6 pictures in [0-9.]+ s \([0-9.]+ s each\): sheet.png", ran.output)
    with Image.open(place / "sheet.png") as sheet:
        assert sheet.size == (3 * (112 + 10) + 10, 2 * (112 + 10 + 27) + 10)


def test_prompts_from_a_file_give_the_pictures_that_each_gives_alone(run: str, place: Path) -> None:
    (place / "names.txt").write_text("a red disc\n\na blue box\na green bar\n")
    many = motet("sample", run, "--prompts", "names.txt", "-n", 2, "--seed", 5, "--steps", 3, "-o", "many/")
    alone = motet("sample", run, "a blue box", "-n", 1, "--seed", 6, "--steps", 3, "-o", "alone.png")
    assert (many.exit_code, alone.exit_code) == (0, 0), many.output + alone.output
    files = sorted(path.name for path in (place / "many").iterdir())
    assert files == [
        f"{i:03}-{name}-{seed}.png"
        for i, name in enumerate(["a-red-disc", "a-blue-box", "a-green-bar"])
        for seed in (5, 6)
    ]
    with Image.open(place / "many/001-a-blue-box-6.png") as one, Image.open(place / "alone.png") as other:
        assert one.size == other.size == (16, 16)
        assert max(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True)) <= 1


def test_a_picture_before_the_prompt_is_read_and_begins_the_row(
    run: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Prompt] = []
    generate_many = Pipeline.generate_many

    def noted(self: Pipeline, prompts: Sequence[Prompt], **kwargs: Any) -> list[list[Raw]]:
        asked.extend(prompts)
        return generate_many(self, prompts, **kwargs)

    monkeypatch.setattr(Pipeline, "generate_many", noted)
    ran = motet("sample", run, "a box", "--picture", "pictures/red-disc.png", "-n", 2, "--steps", 2, "-o", "edits.png")
    assert ran.exit_code == 0, ran.output
    with Image.open(place / "pictures/red-disc.png") as given, Image.open(place / "edits.png") as sheet:
        for picture, text in asked:
            assert isinstance(picture, Image.Image) and text == "a box"
            assert picture.tobytes() == given.convert("RGB").tobytes()
        assert len(asked) == 2
        assert sheet.size == (3 * (112 + 10) + 10, 112 + 10 + 27 + 10), "the given one, then two"
        assert sheet.getpixel((10 + 56, 10 + 27 + 56)) == (255, 0, 0), "the red disc's middle"
    missing = motet("sample", run, "x", "--picture", "nowhere.png")
    assert missing.exit_code == 2 and "nowhere.png" in missing.output


def test_a_large_wide_picture_before_the_prompts_is_fitted_and_a_folder_holds_what_is_drawn(
    run: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitted as training fits pictures: to 16 pixels of height, 32 of width, of which the middle is read."""
    asked: list[Prompt] = []
    generate_many = Pipeline.generate_many

    def noted(self: Pipeline, prompts: Sequence[Prompt], **kwargs: Any) -> list[list[Raw]]:
        asked.extend(prompts)
        return generate_many(self, prompts, **kwargs)

    monkeypatch.setattr(Pipeline, "generate_many", noted)
    picture = Image.new("RGB", (96, 48), "blue")
    picture.paste("red", (30, 0, 66, 48))
    picture.save(place / "large.png")
    ran = motet("sample", run, "a box", "--picture", "large.png", "-n", 2, "--steps", 2, "-o", "edits/")
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in (place / "edits").iterdir()) == ["000-a-box-0.png", "000-a-box-1.png"]
    (given, _), _ = asked
    assert isinstance(given, Image.Image) and given.size == (16, 16)
    assert given.getpixel((8, 8)) == (255, 0, 0) and given.getpixel((0, 8)) == (0, 0, 255) == given.getpixel((15, 8))


def test_another_size_and_other_settings_reach_the_sampler(run: str, place: Path) -> None:
    ran = motet(
        "sample", run, "x", "-n", 1, "--size", "16x32", "--set", "steps=2", "--solver", "euler", "-o", "wide.png"
    )
    assert ran.exit_code == 0, ran.output
    with Image.open(place / "wide.png") as picture:
        assert picture.size == (32, 16)


def test_each_picture_gets_the_caption_that_it_gets_alone(run: str) -> None:
    paths = ["pictures/red-disc.png", "pictures/blue-bar.png"]
    together = motet("describe", run, *paths, "--json", "--set", "max_tokens=6")
    assert together.exit_code == 0, together.output
    rows = json.loads(together.stdout)
    assert [row["picture"] for row in rows] == paths
    alone = [motet("describe", run, path, "--set", "max_tokens=6").stdout.removesuffix("\n") for path in paths]
    assert [row["caption"] for row in rows] == alone


def test_a_question_is_asked_of_each_picture(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Prompt] = []

    def noted(self: Pipeline, prompts: Sequence[Prompt], **kwargs: Any) -> list[list[Raw]]:
        asked.extend(prompts)
        return [["a disc"] for _ in prompts]

    monkeypatch.setattr(Pipeline, "generate_many", noted)
    paths = ["pictures/red-disc.png", "pictures/blue-bar.png"]
    ran = motet("describe", run, *paths, "--question", "what is it?")
    assert ran.exit_code == 0 and ran.stdout == "a disc\na disc\n"
    assert [prompt[1:] for prompt in asked] == [("what is it?",)] * 2


def test_pictures_that_cannot_be_read_are_named_at_the_end_and_cost_the_others_nothing(run: str, place: Path) -> None:
    (place / "broken.png").write_bytes((place / "pictures/red-disc.png").read_bytes()[:60])
    paths = ["broken.png", "pictures/blue-bar.png", "gone.png"]
    ran = motet("describe", run, *paths, "--set", "max_tokens=6")
    alone = motet("describe", run, "pictures/blue-bar.png", "--set", "max_tokens=6")
    assert ran.exit_code == 2 and alone.exit_code == 0
    assert ran.stdout == "\n" + alone.stdout + "\n", "line i is of picture i"
    said = " ".join(ran.stderr.split())
    assert "2 of 3 pictures cannot be read: broken.png: truncated or damaged" in said and "gone.png: missing" in said
    told = json.loads(motet("describe", run, *paths, "--json", "--set", "max_tokens=6").stdout)
    assert [row["picture"] for row in told] == paths
    assert [row["caption"] for row in told] == [None, alone.stdout.removesuffix("\n"), None]
    assert told[0]["problem"].startswith("broken.png: truncated")


def test_where_no_picture_can_be_read_each_still_has_its_line_or_its_problem(run: str) -> None:
    plain, listed = motet("describe", run, "gone.png", "lost.png"), motet("describe", run, "gone.png", "--json")
    assert plain.exit_code == listed.exit_code == 2
    assert plain.stdout == "\n\n"
    assert [(row["picture"], row["caption"]) for row in json.loads(listed.stdout)] == [("gone.png", None)]


def test_a_copied_run_whose_data_are_not_there_draws_and_asks_for_data_to_be_judged_on(run: str, place: Path) -> None:
    shutil.copytree(place / run, place / "copied")
    config = json.loads((place / "copied/config.json").read_text())
    (place / "copied/config.json").write_text(json.dumps(config | {"data": "folder:gone"}))
    ran = motet("eval", "copied")
    assert ran.exit_code == 2
    assert "gone is not there. copied learned from it: say with --data where it is now" in " ".join(ran.stderr.split())
    assert motet("sample", "copied", "x", "-n", 1, "--steps", 2, "-o", "copied.png").exit_code == 0


def test_a_run_goes_into_a_folder_named_after_recipe_and_data_if_nothing_is_said(run: str, place: Path) -> None:
    from motet.commands.training import run_folder

    assert run_folder("latentlm", "emoji") == Path("runs/latentlm-emoji")
    assert run_folder("vq", "scenes:level=2,n=20000") == Path("runs/vq-scenes-level-2-n-20000")
    assert run_folder("vq", "folder:some where/photos/") == Path("runs/vq-photos")
    assert run_folder("vq", "folder:.") == Path(f"runs/vq-{place.name}")
    assert run_folder("vq", "jsonl:data/chats.jsonl") == Path("runs/vq-chats-jsonl")
    train = ("train", "latentlm", "--data", "folder:nowhere", "--size", "tiny", "--steps", "8")
    assert "runs/latentlm-nowhere is a new run" in motet(*train).stdout
    (place / "runs/latentlm-nowhere").mkdir(parents=True)
    shutil.copy(place / run / "config.json", place / "runs/latentlm-nowhere")
    other = motet(*train)
    assert other.exit_code == 2
    said = "runs/latentlm-nowhere holds a run with other settings: data=folder:pictures (now folder:nowhere)"
    assert said in " ".join(other.stderr.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sample", "run", "x", "--seed", "-1"], "greater than or equal to 0"),
        (["describe", "run", "pictures/red-disc.png", "--seed", "-1"], "greater than or equal to 0"),
        ([*TRAIN, "--out", "r", "--seed", "-1"], "greater than or equal to 0"),
        (["sample", "run", "x", "--set", "rounds=3"], "rounds has no effect on any image of run (LatentLM"),
        (["sample", "run", "x", "--set", "top_k=3", "--set", "max_tokens=4"], "top_k and max_tokens have no effect"),
        (["describe", "run", "x.png", "--set", "guidance=2"], "These have: text_temperature, top_k, top_p, max_tokens"),
        (["eval", "run", "--set", "scales=1"], "scales has no effect on any answer of run"),
        (["sample", "run", "x", "--set", "stepz=3"], "unknown setting 'stepz'; did you mean 'steps'?"),
        (["sample", "run", "x", "--set", "steps=many"], "setting 'steps': got 'many', expected int"),
        (["sample", "run", "x", "--steps", "3", "--set", "steps=4"], "'steps' is given twice: '3' and '4'"),
        (["sample", "run", "x", "--steps", "0"], "steps is 0; expected a number at least 1"),
        (["describe", "run", "x.png", "--set", "max_tokens=-3"], "max_tokens is -3; expected a number at least 1"),
        (["sample", "run", "x", "--size", "48"], "expected HEIGHTxWIDTH in pixels, for example 48x64"),
        (["sample", "run", "x", "--size", "15x16"], "does not divide into patches of 8x8"),
        (["sample", "run"], 'motet sample RUN "red heart"'),
        (["sample", "run", "x", "-n", "1", "-o", "out.xyz"], "give a name such as out.png"),
        (["sample", "nowhere", "x"], "nowhere is not a run folder"),
        (["describe", "run", "nowhere.png"], "missing file: 'nowhere.png'"),
        (["train", "latentml", "--data", "folder:pictures", "--out", "r"], "expected one of: latentlm"),
        (["train", "latentlm", "--data", "pictures", "--out", "r"], "did you mean folder:pictures?"),
        (["train", "latentlm", "--data", "folder:nowhere", "--out", "r"], "nowhere is not there"),
        (["train", "latentlm", "--data", "emoji", "--out", "pictures"], "something that is no run"),
        ([*TRAIN, "--out", "r", "--size", "huge"], "no size 'huge'; expected one of: tiny, study, small, paper"),
        ([*TRAIN, "--out", "r", "--minutes", "1"], "--minutes 1 and --steps 8 were given; give one"),
        ([*TRAIN, "--out", "r", "--set", "image_sise=16"], "did you mean 'image_size'?"),
        ([*TRAIN, "--out", "r", "--set", "rows=few"], "setting 'rows': got 'few', expected int"),
        ([*TRAIN, "--out", "r", "--set", "rows=0"], "rows is 0; expected a number at least 1"),
        ([*TRAIN, "--out", "pictures/red-disc.txt/r"], "--out pictures/red-disc.txt/r cannot be written to"),
        (
            [*TRAIN, "--out", "r", "--set", "row_length=9"],
            "Give longer rows with --set row_length=32",
        ),
        (["data", "check", "folders:x"], "did you mean folder:PATH?"),
        (["data", "check", "folder:pictures", "--sheet", "sheet"], "give a name such as out.png, with one of .bmp"),
        (["show", "latentlm", "--size", "tiny", "-o", "mask"], "give a name such as out.png, with one of .bmp"),
    ],
)
def test_a_mistake_is_answered_in_words_with_exit_code_2(trained: Result, words: list[str], said: str) -> None:
    ran = motet(*words)
    assert said in " ".join(ran.stderr.split())
    assert ran.exit_code == 2
    assert "Traceback" not in ran.output


@pytest.mark.parametrize("words", [["--debug", "sample", "nowhere", "x"], ["sample", "nowhere", "x", "--debug"]])
def test_debug_shows_where_an_error_arose(place: Path, words: list[str]) -> None:
    ran = motet(*words)
    assert ran.exit_code == 2
    assert "Traceback" in ran.stderr
    assert "CheckpointError" in ran.stderr


def test_a_word_behind_two_dashes_is_a_prompt_even_if_it_looks_like_an_option(place: Path) -> None:
    assert "Traceback" not in motet("sample", "nowhere", "--", "--debug").stderr


def test_failed_training_has_an_exit_code_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from motet.errors import TrainingError
    from motet.recipes import run as runs

    def fail(*args: object, **kwargs: object) -> bool:
        raise TrainingError("the loss is nan")

    monkeypatch.setattr(runs, "train", fail)
    ran = motet(*TRAIN, "--out", "failed")
    assert ran.exit_code == 1
    assert "the loss is nan" in ran.stderr


def test_checked_data_is_fine_or_quarantined_and_training_skips_exactly_that(place: Path) -> None:
    folder = fill(place / "checked")
    assert motet("data", "check", "folder:checked", "--sheet", "sheets/all.png").exit_code == 0
    with Image.open(place / "sheets/all.png") as sheet:
        assert sheet.width > 1000
    (folder / "red-disc.png").write_bytes((folder / "red-disc.png").read_bytes()[:60])
    found = motet("data", "check", "folder:checked", "--json")
    assert found.exit_code == 3, found.output
    report = json.loads(found.stdout)
    assert [problem["id"] for problem in report["problems"]] == ["red-disc.png"]
    assert (report["documents"], report["quarantine"]) == (11, "checked/quarantine.jsonl")
    with Image.open(place / "cache/sheets/folder-checked.png") as sheet:
        assert sheet.width > 1000
    assert "contact sheet: " + str(place / "cache/sheets/folder-checked.png") in found.stderr
    lost = motet("data", "check", "folder:checked", "--out", "nowhere/list.jsonl")
    assert lost.exit_code == 2 and "nowhere/list.jsonl cannot be written" in " ".join(lost.stderr.split())
    assert "1 of 12 items cannot be used" in lost.stdout, "the report is shown all the same"
    (folder / "forgotten.heic").touch()
    ran = motet("train", "latentlm", "--data", "folder:checked", "--size", "tiny", "--steps", 2, "--out", "kept")
    assert ran.exit_code == 0, ran.output
    assert re.search(r"\d+ documents to learn from, \d+ held out; 1 items skipped: 1 truncated", ran.stdout)
    assert "files not used: 1 .heic" in ran.stdout


def test_data_without_held_out_documents_is_refused_before_training(place: Path) -> None:
    (place / "one").mkdir()
    draw(place / "one/a.png", "red", "disc")
    (place / "one/a.txt").write_text("a red disc")
    ran = motet("train", "latentlm", "--data", "folder:one", "--size", "tiny", "--steps", 2, "--out", "none")
    assert ran.exit_code == 2
    assert "has no document held out to be judged on" in ran.stderr


def test_show_prints_and_draws(place: Path) -> None:
    ran = motet(
        "show", "latentlm", "--size", "tiny", "--data", "folder:pictures", "--set", "rows=3", "-o", "m/mask.png"
    )
    assert ran.exit_code == 0, ran.output
    assert re.search(r"rows +3 +packed rows in a batch \(int\)", ran.output)
    assert "arXiv 2412.08635" in ran.output
    with Image.open(place / "m/mask.png") as picture:
        assert picture.width >= 560


def test_list_names_every_recipe_with_its_paper() -> None:
    from motet.recipes.registry import RECIPES

    ran = motet("list")
    assert ran.exit_code == 0
    assert [name for name, recipe in RECIPES.items() if name not in ran.output or recipe.paper not in ran.output] == []


def test_claims_without_a_name_lists_them() -> None:
    ran = motet("claims")
    assert ran.exit_code == 0, ran.output
    assert "latentlm-sigma" in ran.output


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_fits_100_columns(command: str) -> None:
    ran = motet(*command.split(), "--help")
    assert ran.exit_code == 0
    assert f"Example: motet {command}" in ran.output
    assert max(map(len, ran.output.splitlines())) <= 100


def test_no_command_is_forgotten_here() -> None:
    found = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        found += [f"{name} {inner}" for inner in getattr(command, "commands", {})] or [name]
    assert sorted(found) == sorted(COMMANDS)


@pytest.mark.parametrize(("missing", "failed", "code"), [(0, 0, 0), (0, 1, 1), (2, 0, 130), (2, 1, 130)])
def test_compare_tells_by_its_exit_code_whether_runs_failed_or_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: int, failed: int, code: int
) -> None:
    failures = tuple(Failure("vq", seed, "ValueError: no", "", {}) for seed in range(failed))
    found = Compared((), failures, missing, tmp_path / "index.html")
    monkeypatch.setattr("motet.commands.compare.compare", lambda *_, **__: found)
    assert motet("compare", "vq", "--data", "scenes", "--out", tmp_path).exit_code == code
