"""What a comparison leaves: ``compare.json``, and ``index.html`` that shows it."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from motet.config import describe, to_dict
from motet.data.source import open_source
from motet.errors import MissingExtra
from motet.evaluate.compare.curves import learning_curves
from motet.evaluate.compare.findings import Looked, findings
from motet.evaluate.compare.measures import GROUPS, group, in_order, measure
from motet.evaluate.compare.notes import notes
from motet.evaluate.compare.plan import Comparison
from motet.evaluate.compare.run_one import Failure, RunRecord, load_shown
from motet.evaluate.compare.summary import Summary, summary
from motet.evaluate.over_seeds import OverSeeds
from motet.evaluate.page import Figure, Folds, Grid, Section, Table, Text, write_page
from motet.whole import write_json

NOTHING = "-"


def write_results(comparison: Comparison, records: Sequence[RunRecord], failures: Sequence[Failure], out: Path) -> Path:
    """Writes both files from the runs that are finished; returns the page."""
    arms = [arm.label for arm in comparison.arms]
    means = summary(records, arms)
    looked = findings(means)
    write_json(out / "compare.json", _as_json(comparison, records, failures, means, looked))
    labels = ", ".join(arms)
    sections: list[Section] = [
        *_tables(means)[:1],
        *_grids(comparison, records, out),
        _sentences(looked, records),
        Text("What this can say, and what not", notes(comparison, records, looked)),
        *_curves(records, arms),
        *_tables(means)[1:],
        _settings(comparison),
        *_failed(failures, records),
    ]
    return write_page(
        out / "index.html",
        sections,
        title="Recipes compared",
        subtitle=f"{labels} · {comparison.data} · {comparison.allowance} a run · {len(comparison.seeds)} seeds",
        credit=open_source(comparison.data).credit,
    )


def _as_json(
    comparison: Comparison,
    records: Sequence[RunRecord],
    failures: Sequence[Failure],
    means: Summary,
    looked: Looked,
) -> dict[str, Any]:
    return {
        "data": comparison.data,
        "allowance": to_dict(comparison.allowance),
        "codecs": to_dict(comparison.codecs),
        "seeds": list(comparison.seeds),
        "parameters": comparison.parameters,
        "measuring": to_dict(comparison.measuring),
        "arms": {arm.label: {"recipe": arm.name, "settings": to_dict(arm.recipe)} for arm in comparison.arms},
        "measures": {
            name: {"words": measure(name).words, "better": measure(name).better, "compared": measure(name).compared}
            for name in in_order({name for numbers in means.values() for name in numbers})
        },
        "summary": {arm: {name: asdict(value) for name, value in numbers.items()} for arm, numbers in means.items()},
        "findings": [{**asdict(one), "sentence": one.sentence} for one in looked.findings],
        "differences": looked.differences,
        "runs": [{key: value for key, value in asdict(run).items() if key != "setting"} for run in records],
        "failures": [{key: value for key, value in asdict(one).items() if key != "setting"} for one in failures],
        "date": time.strftime("%Y-%m-%d"),
    }


def _sentences(looked: Looked, records: Sequence[RunRecord]) -> Section:
    if looked.differences == 0:
        words = "There is nothing to compare yet: it takes two arms with two finished seeds each."
        return Text("Findings", [words if records else f"No run is finished. {words}"])
    if not looked.findings:
        return Text("Findings", ["No difference exceeds its interval."])
    by_name: dict[str, list[str]] = {}
    for one in looked.findings:
        by_name.setdefault(measure(one.name).words, []).append(one.said)
    note = (
        f"{len(looked.findings)} of {looked.differences} differences exceed their 95 % interval; each has a sentence."
    )
    return Folds("Findings", list(by_name.items()), note)


def _tables(means: Summary) -> list[Table]:
    """A table for each group of numbers; a column for each arm."""
    names = in_order({name for numbers in means.values() for name in numbers})
    arms = [arm for arm in means if means[arm]]
    tables = []
    for title in GROUPS:
        rows = []
        for name in (name for name in names if group(name) == title):
            what = measure(name)
            unit = f", {what.unit}" if what.unit else ""
            arrow = {"lower": " ↓", "higher": " ↑", None: ""}[what.better]
            rows.append([f"{what.words}{unit}{arrow}", *(_cell(name, means[arm].get(name)) for arm in arms)])
        if rows:
            note = "Mean over seeds [95 % interval]. ↓ lower is better, ↑ higher." if title == GROUPS[0] else ""
            tables.append(Table(title, rows, ["", *arms], note))
    return tables


def _cell(name: str, value: OverSeeds | None) -> str:
    if value is None:
        return NOTHING
    shown = measure(name).shown
    if value.low is None or value.high is None or value.low == value.high:
        return shown(value.mean)
    return f"{shown(value.mean)} [{shown(value.low)}, {shown(value.high)}]"


def _curves(records: Sequence[RunRecord], arms: Sequence[str]) -> list[Section]:
    title = "Learning curves"
    try:
        plot = learning_curves(records, arms)
    except MissingExtra as error:
        return [Text(title, [f"No plot: {error}."])]
    note = "Held-out losses while the model trains, a line for each seed. Losses of pictures differ in kind."
    return [] if plot is None else [Figure(title, plot, note)]


def _grids(comparison: Comparison, records: Sequence[RunRecord], out: Path) -> list[Grid]:
    """The same prompts under the same seeds, drawn by each arm's first finished run; those that all of them have."""
    columns, shown = [], []
    for arm in comparison.arms:
        first = next((record for record in records if record.arm == arm.label), None)
        found = None if first is None else load_shown(first.prompts, out / "runs" / f"{first.arm}-{first.seed}")
        if found is not None:
            columns.append(arm.label)
            shown.append(found)
    if not shown:
        return []
    prompts = [text for text in dict.fromkeys(shown[0].prompts) if all(text in one.prompts for one in shown)]
    rows = [
        (text, [shown[0].true[shown[0].prompts.index(text)], *(one.drawn[one.prompts.index(text)] for one in shown)])
        for text in prompts
    ]
    note = "Held-out texts, taken evenly from all, not chosen by how they came out; each arm's first seed."
    return [Grid("The same prompts", ["true", *columns], rows, note)]


def _settings(comparison: Comparison) -> Table:
    """Every setting in which arms differ or that only some have; what they share stands in the JSON."""
    found = {arm.label: {s.name: str(s.value) for s in describe(arm.recipe)} for arm in comparison.arms}
    names = list(dict.fromkeys(name for settings in found.values() for name in settings))
    values = {name: [settings.get(name, NOTHING) for settings in found.values()] for name in names}
    rows = [[name, *row] for name, row in values.items() if len(set(row)) > 1 or len(found) == 1]
    papers = ["paper", *(type(arm.recipe).paper for arm in comparison.arms)]
    note = "Each recipe's own settings, where they differ; the backbone's ffn_dim is what makes sizes equal."
    return Table("Settings", [papers, *rows], ["", *found], note)


def _failed(failures: Sequence[Failure], records: Sequence[RunRecord]) -> list[Section]:
    sections: list[Section] = []
    if failures:
        told = [f"{one.arm}, seed {one.seed}: {one.error}" for one in failures]
        sections.append(Text("Failed runs", told, note="The same command with --retry tries them again."))
    left_out = dict.fromkeys(f"{record.arm}: {sentence}" for record in records for sentence in record.left_out)
    if left_out:
        sections.append(Text("Not measured", list(left_out)))
    return sections
