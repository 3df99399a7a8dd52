"""The cache: the folder for what belongs to data and does not lie with it."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where decoded and encoded data is kept: $MOTET_CACHE, or ~/.cache/motet."""
    return Path(os.environ.get("MOTET_CACHE") or Path.home() / ".cache" / "motet")
