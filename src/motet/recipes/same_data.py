"""RUN/data.json: which documents a run was begun on, and what they teach."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from motet.whole import write_json

SPLITS = {"train": "to learn from", "held_out": "held out"}


def write_data(run: Path, identity: Mapping[str, Any], taught: Iterable[str]) -> None:
    """Notes a ``Corpus.identity``, so that the run goes on with no other documents, and ``Split.taught``."""
    write_json(run / "data.json", {**identity, "taught": sorted(taught)})


def taught_in(run: Path) -> list[str]:
    """What the documents taught whatever the order of pairs (``Split.taught``); nothing, if the run does not tell."""
    path = run / "data.json"
    return list(json.loads(path.read_text()).get("taught", [])) if path.is_file() else []


def changed_data(run: Path, mine: Mapping[str, Any]) -> dict[str, str]:
    """By split, in words, how documents (a ``Corpus.identity``) differ from those that ``run`` was begun on.

    A split that is the same is not there; nor is any, if the run does not tell.
    """
    path = run / "data.json"
    theirs = json.loads(path.read_text()) if path.is_file() else mine
    return {
        split: f"{theirs[split]['documents']:,} documents {words} then, {mine[split]['documents']:,} now"
        + (", not the same" if theirs[split]["documents"] == mine[split]["documents"] else "")
        for split, words in SPLITS.items()
        if theirs[split] != mine[split]
    }
