"""The demo: from nothing to a page, and on from an interruption. Tiny, on a dozen pictures."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from motet.config import to_dict
from motet.data.emoji import EmojiSource
from motet.demo import MINUTES, OUT, PROMPTS, demo, demo_config
from motet.errors import ConfigError, MissingExtra
from motet.recipes.latentlm import TINY
from motet.recipes.run import RunConfig, is_finished
from motet.recipes.train_joint import TrainJointly
from motet.request import Sampling
from motet.train.log import read


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunConfig]:
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"picture number {i}")
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("motet.evaluate.evaluation.SentenceEncoder", _no_minilm)
    recipe = replace(TINY, sampling=Sampling(steps=2, max_tokens=6))
    yield RunConfig("latentlm", to_dict(recipe), f"folder:{folder}", minutes=None, steps=8, seed=0, version="0")


def _no_minilm() -> None:
    raise MissingExtra("transformers", "eval")


def _run(config: RunConfig, out: Path) -> tuple[bool, str]:
    said = StringIO()
    done = demo(out=out, config=config, judged=4, prompts=["picture number 1"], console=Console(file=said, width=200))
    return done, said.getvalue()


def test_an_interrupted_demo_goes_on_and_a_finished_one_is_only_shown_again(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, losses = tmp_path / "demo", TrainJointly.losses

    def press_ctrl_c(self: TrainJointly, batch: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return losses(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(TrainJointly, "losses", press_ctrl_c)
        done, said = _run(config, out)
    assert not done
    assert "saved" in said and f"motet demo --out {out}" in said
    assert not (out / "index.html").exists() and not is_finished(out, config)
    assert [event["step"] for event in read(out) if event["stage"] == "model" and event["event"] == "train"] == [1]

    done, said = _run(config, out)
    assert done and is_finished(out, config)
    assert "motet sample" in said and (out / "index.html").resolve().as_uri() in said
    steps = [event["step"] for event in read(out) if event["stage"] == "model" and event["event"] == "train"]
    assert steps == [1, 2, 3, 4, 5, 6]  # the first one was not taken twice
    _the_page_is_whole(out)

    (out / "index.html").unlink()
    weights, before = (out / "ema.safetensors").stat().st_mtime_ns, read(out)
    done, said = _run(config, out)
    assert done and "trained already" in said
    assert (out / "ema.safetensors").stat().st_mtime_ns == weights and read(out) == before
    _the_page_is_whole(out)


def _the_page_is_whole(out: Path) -> None:
    page = (out / "index.html").read_text()
    for title in (
        "From words to pictures", "Key numbers", "Drawing held-out names", "Describing held-out pictures",
        "Drawing trained names", "Codec", "Learning curves", "Latent drift", "All numbers", "Timings",
        "What to try next", "Model", "Settings", "Not measured",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in page, title
    for words in ("picture number 1", "target 29 dB", "target 50 %", "target 80 %", "motet sample", "training: model"):
        assert words in page.replace("Training:", "training:"), words
    assert json.loads((out / "eval.json").read_text())["groups"]["trained"]["n"] == 4


def test_a_folder_of_other_things_is_not_written_into_and_no_time_is_no_budget(
    config: RunConfig, tmp_path: Path
) -> None:
    (tmp_path / "letters.txt").touch()
    with pytest.raises(ConfigError, match="holds something that is no run"):
        _run(config, tmp_path)
    with pytest.raises(ConfigError, match="a budget is positive"):
        demo_config(0.0)
    assert not (tmp_path / "config.json").exists()


def test_ctrl_c_while_it_is_judged_also_says_how_to_go_on(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("motet.demo.evaluate", interrupted)
    done, said = _run(config, tmp_path / "demo")
    assert not done and "To go on" in said


def test_what_it_says_to_go_on_with_has_the_minutes_and_the_folder_that_were_given(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr("motet.demo.train_run", interrupted)
    monkeypatch.chdir(tmp_path)
    for out, minutes, words in (
        (OUT, MINUTES, "To go on: `make demo` or `motet demo` again."),
        (OUT, 30.0, "To go on: `make demo ARGS='--minutes 30'` or `motet demo --minutes 30` again."),
        (Path("a"), 2.5, "`make demo ARGS='--minutes 2.5 --out a'` or `motet demo --minutes 2.5 --out a` again."),
    ):
        said = StringIO()
        assert not demo(out=out, minutes=minutes, config=config, console=Console(file=said, width=200))
        assert words in said.getvalue()


def test_the_demos_prompts_are_names_that_it_has_seen_or_holds_out() -> None:
    assert set(PROMPTS) <= {document.text for document in EmojiSource()}


def test_the_demo_trains_the_small_recipe_on_emoji_for_the_minutes_asked() -> None:
    config = demo_config(3.0)
    assert (config.recipe, config.data, config.minutes, config.steps) == ("latentlm", "emoji", 3, None)


def test_without_the_packages_of_the_extra_the_demo_says_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"motet\[demo\]"):
        demo(out=tmp_path / "demo")
    assert not (tmp_path / "demo").exists()
