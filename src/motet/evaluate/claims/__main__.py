"""Draws the page of claims again, without a run: ``python -m motet.evaluate.claims [FOLDER]`` (docs/claims)."""

import sys
from pathlib import Path

from motet.evaluate.claims.record import redraw
from motet.evaluate.claims.registry import CLAIMS

if __name__ == "__main__":
    print(redraw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/claims"), CLAIMS))
