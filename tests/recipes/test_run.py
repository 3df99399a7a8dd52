"""A run folder: what can be loaded of it and when, what it refuses to go on with, and what it leaves alone."""

import json
import logging
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from motet.config import override, to_dict
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part
from motet.errors import CapabilityError, CheckpointError, TrainingError
from motet.nn.compiler import lacks_for_compiling
from motet.recipes import run as runs
from motet.recipes.recipe import Recipe
from motet.recipes.registry import RECIPES
from motet.recipes.run import RunConfig, is_finished, load, read_config, train_run
from motet.recipes.train_joint import TrainJointly
from motet.train import log
from motet.train.objective import Losses

COLOURS = ("red", "green", "blue", "grey")
pytestmark = pytest.mark.usefixtures("own_cache")
CADENCE = {"checkpoint_steps": 2, "eval_at": (), "preview_at": ()}


def tiny(name: str) -> Recipe:
    """In small batches, and saved after every second step."""
    recipe = RECIPES[name].sizes["tiny"]
    stages = [key for key in to_dict(recipe) if key.endswith("training")]
    looks = {f"{stage}.{name}": value for stage in stages for name, value in CADENCE.items()}
    return override(recipe, looks | {"rows": 2})


TINY = tiny("latentlm")
CONFIG = RunConfig("latentlm", to_dict(TINY), "squares", None, 8, 0, "test")
"""Two steps of the codec, six of the model."""


class Died(BaseException):
    """Stands for the end of a process."""


def squares(*colours: str, words: str = "a {} square") -> Corpus:
    documents = tuple(
        Document(name, (Part("text", words.format(name)), Part("image", Image.new("RGB", (16, 16), name))), name)
        for name in colours or COLOURS
    )
    return Corpus("squares", Split(documents, (16, 16)), Split(documents, (16, 16)))


def go(run: Path, config: RunConfig = CONFIG, corpus: Corpus | None = None) -> bool:
    return train_run(config, squares() if corpus is None else corpus, run, console=Console(quiet=True))


@contextmanager
def dying(stage: str, step: int) -> Iterator[None]:
    """The run dies before this step is written down."""
    write = log.Log.write

    def deadly(self: log.Log, event: str, number: int, **facts: Any) -> None:
        if (event, self.stage, number) == ("train", stage, step):
            raise Died
        write(self, event, number, **facts)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr(log.Log, "write", deadly)
        yield


def changed(settings: dict[str, Any]) -> RunConfig:
    return replace(CONFIG, settings=to_dict(override(TINY, settings)))


def assert_same_weights(one: Path, other: Path) -> None:
    left, right = load_file(one), load_file(other)
    assert left.keys() == right.keys()
    assert [name for name, tensor in left.items() if not torch.equal(tensor, right[name])] == []


@pytest.mark.parametrize(("name", "stage", "saved"), [("latentlm", "model", 4), ("janus", "tuning", 2)])
def test_of_a_run_that_died_the_last_save_is_loaded_and_said_so_however_often_it_dies(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, stage: str, saved: int
) -> None:
    config = replace(CONFIG, recipe=name, settings=to_dict(tiny(name)))
    for _ in range(2):  # the second time right after its start, when the earlier stages have only been loaded
        with dying(stage, saved + 1):
            go(tmp_path, config)
        for weights in ("model", "ema"):
            assert_same_weights(tmp_path / f"{weights}.safetensors", tmp_path / f"checkpoint/{weights}.safetensors")
    assert not is_finished(tmp_path, config)
    with caplog.at_level(logging.WARNING, "motet"):
        load(tmp_path)
        assert f"is not finished: these are its weights after step {saved} of stage '{stage}'" in caplog.text
        assert go(tmp_path, config) and is_finished(tmp_path, config)
        caplog.clear()
        load(tmp_path)
    assert caplog.text == ""


def test_a_run_that_has_learned_nothing_but_its_codec_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with dying("model", 1):
        go(tmp_path)
    assert (tmp_path / "finished/codec").is_dir()
    with pytest.raises(CheckpointError, match=r"and not its codecs alone, has been saved; the same `motet train`"):
        load(tmp_path)


def test_a_run_that_died_between_its_last_save_and_its_weights_is_finished_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = runs.write_weights

    def deadly(*args: Any, finished: bool) -> None:
        if finished:
            raise Died
        write(*args, finished=finished)

    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(runs, "write_weights", deadly)
        go(tmp_path)
    assert (tmp_path / "finished/model").is_dir() and not is_finished(tmp_path, CONFIG)
    assert go(tmp_path) and is_finished(tmp_path, CONFIG)
    for weights in ("model", "ema"):
        assert_same_weights(tmp_path / f"{weights}.safetensors", tmp_path / f"finished/model/{weights}.safetensors")


def test_a_finished_run_is_left_as_it_is_whatever_the_budget_and_the_data(tmp_path: Path) -> None:
    assert go(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert go(tmp_path, replace(CONFIG, steps=None, minutes=60.0), squares("red", "blue"))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with pytest.raises(CheckpointError, match=r"other settings: seed=0 \(now 1\)\. Use another --out"):
        go(tmp_path, replace(CONFIG, seed=1))


def test_other_data_is_refused_with_counts_and_the_old_data_goes_on(tmp_path: Path) -> None:
    with dying("model", 3):
        go(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(
        CheckpointError, match="4 documents to learn from then, 5 now; 4 documents held out then, 5 now"
    ):
        go(tmp_path, replace(CONFIG, steps=9), squares(*COLOURS, "pink"))
    with pytest.raises(CheckpointError, match=r"then, 4 now, not the same.* use another --out"):
        go(tmp_path, corpus=squares(words="one {} square"))
    assert (tmp_path / "config.json").read_bytes() == before
    assert go(tmp_path)


def test_data_that_moved_are_known_by_their_documents_and_the_run_takes_their_new_name(tmp_path: Path) -> None:
    with dying("model", 3):
        go(tmp_path)
    moved = replace(CONFIG, data="squares, elsewhere")
    with pytest.raises(CheckpointError, match="4 documents to learn from then, 5 now"):
        go(tmp_path, moved, squares(*COLOURS, "pink"))
    assert go(tmp_path, moved)
    assert read_config(tmp_path).data == "squares, elsewhere"
    before = (tmp_path / "config.json").read_bytes()
    assert not is_finished(tmp_path, CONFIG), "not known before the data are read"
    assert go(tmp_path, CONFIG) and (tmp_path / "config.json").read_bytes() == before, "a finished run stays as it is"
    with pytest.raises(CheckpointError, match="4 documents to learn from then, 2 now"):
        go(tmp_path, CONFIG, squares("red", "blue"))


def test_where_a_run_tells_nothing_of_its_documents_their_name_must_be_the_same(tmp_path: Path) -> None:
    with dying("model", 3):
        go(tmp_path)
    (tmp_path / "data.json").unlink()
    with pytest.raises(CheckpointError, match=r"other settings: data=squares \(now circles\)\."):
        go(tmp_path, replace(CONFIG, data="circles"))
    assert go(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there flex trains")
def test_attention_that_cannot_be_trained_here_is_refused_before_the_codec_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="'flex' has no backward pass on a CPU; train with 'dense' or 'sdpa'"):
        go(tmp_path / "run", changed({"backbone.attention": "flex"}))
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_begun_before_a_setting_came_goes_on_with_its_default(tmp_path: Path) -> None:
    with dying("model", 5):
        go(tmp_path)
    config, state = tmp_path / "config.json", tmp_path / "checkpoint/state.json"
    old = json.loads(config.read_text())
    del old["settings"]["balance"], old["settings"]["training"]["weight_decay"]
    config.write_text(json.dumps(old))
    saved = json.loads(state.read_text())
    del saved["settings"]["weight_decay"]
    state.write_text(json.dumps(saved))
    with pytest.raises(CheckpointError, match=r"other settings: balance=0\.5 \(now 0\.25\)\."):
        go(tmp_path, changed({"balance": 0.25}))
    assert go(tmp_path)


def test_a_run_goes_on_when_it_looks_draws_and_saves_otherwise_and_under_another_budget_it_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with dying("model", 3):
        go(tmp_path)
    other = changed({"training.checkpoint_steps": 3, "training.eval_at": (1.0,), "sampling.guidance": 2.0})
    with caplog.at_level(logging.WARNING, "motet"):
        assert go(tmp_path, other) and "budget" not in caplog.text
    assert read_config(tmp_path).build() == other.build()

    with dying("model", 3):
        go(tmp_path / "b")
    with caplog.at_level(logging.WARNING, "motet"):
        assert go(tmp_path / "b", replace(CONFIG, steps=12))
    assert "had a budget of 8 steps; it goes on with one of 12 steps" in caplog.text


def test_ctrl_c_in_the_last_step_of_a_stage_ends_the_run_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, pressed = log.Log.write, []

    def press(self: log.Log, event: str, number: int, **facts: Any) -> None:
        write(self, event, number, **facts)
        if event == "finish" and self.stage in ("codec", "model"):
            pressed.append(self.stage)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(log.Log, "write", press)
    assert not go(tmp_path / "a") and pressed == ["codec"]
    assert go(tmp_path / "a") and pressed == ["codec", "model"], "nothing is left to go on with behind the last stage"
    monkeypatch.undo()
    assert go(tmp_path / "b")
    assert_same_weights(tmp_path / "a/ema.safetensors", tmp_path / "b/ema.safetensors")


def test_a_run_with_a_setting_that_is_no_more_is_refused_by_name(tmp_path: Path) -> None:
    old = to_dict(replace(CONFIG, version="0.0.1"))
    old["settings"]["doubts"] = 0.5
    (tmp_path / "config.json").write_text(json.dumps(old))
    with pytest.raises(CheckpointError, match=r"a run of motet 0\.0\.1 .*unknown setting 'doubts'.*another --out"):
        go(tmp_path)


def test_another_recipe_is_told_without_all_the_settings_that_come_with_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(to_dict(CONFIG)))
    with pytest.raises(CheckpointError, match=r"other settings: recipe=latentlm \(now vq\)\. Use"):
        go(tmp_path, replace(CONFIG, recipe="vq", settings=to_dict(tiny("vq"))))


def test_a_failed_run_goes_on_with_the_learning_rate_that_its_error_names_and_with_no_other_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = TrainJointly.losses

    def explode(self: TrainJointly, batch: Any) -> Losses:
        found = losses(self, batch)
        steps = sum(event["stage"] == "model" and event["event"] == "train" for event in log.read(tmp_path))
        return replace(found, total=found.total * (math.nan if steps == 3 else 1))

    half = TINY.training.lr / 2
    lower = changed({"training.lr": half})
    with monkeypatch.context() as patch:
        patch.setattr(TrainJointly, "losses", explode)
        for _ in range(2):  # the same settings fail again
            with pytest.raises(TrainingError, match=rf"same `motet train` command with --set training\.lr={half:g}$"):
                go(tmp_path)
    assert_same_weights(tmp_path / "ema.safetensors", tmp_path / "checkpoint/ema.safetensors")
    for other, said in (
        ({"training.clip": 0.5}, r"training\.clip=1\.0 \(now 0\.5\)"),
        ({"codec_training.lr": 1e-4}, r"codec_training\.lr=0\.008 \(now 0\.0001\)"),
    ):
        with pytest.raises(CheckpointError, match=rf"other settings: {said}\."):
            go(tmp_path, changed({"training.lr": half} | other))
    assert go(tmp_path, lower) and is_finished(tmp_path, lower)
    assert json.loads((tmp_path / "config.json").read_text())["settings"]["training"]["lr"] == half
    with pytest.raises(CheckpointError, match=r"other settings: training\.lr=0\.005 \(now 0\.01\)\."):
        go(tmp_path)


def test_what_a_compiled_stage_leaves_is_the_same_whether_it_ran_here_or_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler is one that rounds so badly that it shows."""

    def compiled(self: torch.nn.Module, **how: Any) -> None:
        def call(*args: Any) -> Any:
            made = self._call_impl(*args)  # of a block with its auxiliary scalars, of a head alone
            x, *aux = made if isinstance(made, tuple) else [made]
            return (x + x.square() / 100, *aux) if aux else x + x.square() / 100

        self._compiled_call_impl = call

    monkeypatch.setattr(torch.nn.Module, "compile", compiled)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    monkeypatch.setattr("motet.train.hardware.lacks_for_compiling", lambda device: None)
    config = changed({"training.compile": "yes", "codec_training.compile": "yes"})
    assert go(tmp_path / "whole", config)
    with dying("model", 1):
        go(tmp_path / "died", config)
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "another"))  # so that pictures are encoded once more
    assert go(tmp_path / "died", config)
    assert_same_weights(tmp_path / "whole/ema.safetensors", tmp_path / "died/ema.safetensors")
    plain = load_file(tmp_path / "whole/ema.safetensors")
    assert go(tmp_path / "eager", changed({"training.compile": "no", "codec_training.compile": "no"}))
    eager = load_file(tmp_path / "eager/ema.safetensors")
    assert not torch.equal(plain["backbone.norm.weight"], eager["backbone.norm.weight"]), "the compiler was at work"


@pytest.mark.skipif(lacks_for_compiling(torch.device("cpu")) is not None, reason="this machine cannot compile")
def test_a_compiled_run_that_died_and_goes_on_equals_one_that_never_stopped(tmp_path: Path) -> None:
    config = changed({"training.compile": "yes", "codec_training.compile": "no", "backbone.n_layers": 1})
    assert go(tmp_path / "whole", config)
    with dying("model", 4):
        go(tmp_path / "died", config)
    begun = [one for one in log.read(tmp_path / "died") if one["event"] == "start" and one["stage"] == "model"]
    assert [one["compile"] for one in begun] == [True]
    torch.compiler.reset()  # a process that starts again has compiled nothing yet
    assert go(tmp_path / "died", config)
    for weights in ("model", "ema"):
        assert_same_weights(tmp_path / f"whole/{weights}.safetensors", tmp_path / f"died/{weights}.safetensors")


def test_two_processes_do_not_train_one_run(tmp_path: Path) -> None:
    other = (
        "import sys; from pathlib import Path; from motet.alone import alone\n"
        "with alone(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()"
    )
    with dying("model", 3):
        go(tmp_path)
    with Popen([sys.executable, "-c", other, str(tmp_path)], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(CheckpointError, match=r"another process is at work in .*; wait until it has ended"):
            go(tmp_path)
        process.kill()  # whatever ends it, the system lets go of the lock
    assert go(tmp_path)
