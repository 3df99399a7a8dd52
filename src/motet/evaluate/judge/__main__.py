"""``python -m motet.evaluate.judge [shapes|emoji] [RENDERS]``: the judge's own accuracy on fresh real renders."""

import sys
import time

from rich.console import Console
from rich.table import Table

from motet.evaluate.judge.accuracy import SIDES, accuracy
from motet.evaluate.judge.judge import load_judge


def main(sprites: str = "shapes", renders: str = "250") -> None:
    """Print a table; ``renders`` of each side in each category, of other seeds than training and loading used."""
    began = time.perf_counter()
    judge = load_judge(sprites)
    console = Console()
    measured = accuracy(judge.read_many, judge.vocabulary, n=int(renders), seed=1)
    table = Table(title=f"the judge of {sprites}, renders of {' and '.join(map(str, SIDES))} pixels")
    for name in ("category", "renders", "reads", "yes", "no", "reads, degraded", "yes, degraded", "no, degraded"):
        table.add_column(name)
    for clean, worse in zip(measured["clean"], measured["degraded"], strict=True):
        rates = [f"{100 * rate:.1f} %" for one in (clean, worse) for rate in (one.reads, one.yes, one.no)]
        table.add_row(clean.category, str(clean.n), *rates)
    console.print(table)
    console.print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
