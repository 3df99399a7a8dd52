"""Every command that the documentation shows is one that the program takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from motet.cli import app
from motet.commands.compare import arms_of
from motet.commands.options import recipe_of
from motet.config import override
from motet.recipes.registry import RECIPES
from motet.request import Sampling

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = re.compile(r"^    (motet [^\n]+)$|`(motet [^`]*? --[^`]+)`", re.MULTILINE)
"""Lines of commands, and commands in a sentence that go beyond their name."""


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for line, inline in SHOWN.findall(page.read_text()):
            yield page.relative_to(ROOT).as_posix(), line or inline


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that is called, and what is made of its options; raises click's UsageError."""
    group: Any = get_command(app)
    while hasattr(group, "commands"):
        name, *words = words
        group = group.commands[name]
    with group.make_context(name, words) as context:
        return name, context.params


def refusal(command: str) -> str:
    """What the program says against a command, before it does anything; empty if it would begin."""
    try:
        name, params = parsed(shlex.split(re.sub(r"\s+(#|>) .*$", "", command))[1:])
        changes = list(params.get("changes") or [])
        if name in ("sample", "describe", "eval"):
            override(Sampling(), changes)
        elif name == "compare" and params["recipes"][0] != "RECIPE...":
            arms_of(params["recipes"], params["size"], changes)
        elif params.get("recipe") in RECIPES:
            recipe_of(params["recipe"], params["size"], changes)
    except Exception as error:  # whatever it is, the user would see it instead of what the page promises
        return str(error) or type(error).__name__
    return ""


@pytest.mark.parametrize(("page", "command"), [case for case in commands() if "COMMAND" not in case[1]])
def test_a_command_that_is_shown_can_be_typed(page: str, command: str) -> None:
    assert refusal(command) == "", page


def test_a_command_that_cannot_be_typed_is_refused() -> None:
    assert "No such option" in refusal("motet train latentlm --data emoji --minuts 5")
    assert "image_size" in refusal("motet train latentlm --data emoji --set image_sise=16")


def test_the_pages_show_every_command() -> None:
    shown = {command.split()[1] for _, command in commands()}
    assert shown >= {"demo", "train", "sample", "describe", "eval", "data", "show", "claims", "compare"}
