"""Whether documents are those that a run was begun on, as RUN/data.json tells."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPLITS = {"train": "to learn from", "held_out": "held out"}


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
