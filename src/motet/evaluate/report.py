"""The page of `motet eval RUN`."""

from pathlib import Path

from motet.errors import DataError, MissingExtra
from motet.evaluate import sections
from motet.evaluate.evaluation import Evaluation
from motet.evaluate.log import read_log
from motet.evaluate.page import Figure, Section, Text, write_page
from motet.evaluate.plots import drift_plot, learning_curves
from motet.pipeline import Pipeline
from motet.recipes.run import read_config


def write_report(found: Evaluation, pipeline: Pipeline, run: Path, path: Path) -> Path:
    """Writes the page of an evaluation and returns its path."""
    config = read_config(run)
    recipe = config.build()
    parts: list[Section] = [sections.key_numbers(found)]
    parts += [sections.drawings(found, split) for split in found.groups]
    parts += [gallery for split in found.groups for gallery in sections.captions(found, split)]
    if found.reconstruction is not None:
        parts.append(sections.reconstructions(found.reconstruction))
    parts += drift_figure(found)
    parts += curves(run)
    parts += [sections.all_numbers(found), sections.timings(stage_seconds(run), found)]
    parts += [*sections.settings(recipe, pipeline.model), *sections.left_out(found)]
    subtitle = f"{recipe.paper} · {found.corpus.name} · {Path(run)}"
    return write_page(path, parts, title="Evaluation", subtitle=subtitle, credit=found.corpus.credit)


def drift_figure(found: Evaluation) -> list[Section]:
    """The plot of latent drift, or why there is none."""
    if found.drift is None:
        return []
    note = (
        "Do latents that follow the model's own latents keep the length and spread of true ones? "
        "Errors that add up would carry the curves apart from left to right. One step ahead: the same latents, each "
        "drawn behind true ones under the same guidance and temperature, so that no errors add up."
    )
    try:
        return [Figure("Latent drift", drift_plot(found.drift), note)]
    except MissingExtra as error:
        return [Text("Latent drift", [f"No plot: {error}."])]


def curves(run: Path) -> list[Section]:
    """The learning curves of a run, or why there are none."""
    try:
        return [Figure("Learning curves", learning_curves(run / "log.jsonl"), "Thin: each step. Dots: held-out data.")]
    except (MissingExtra, DataError) as error:
        return [Text("Learning curves", [f"No plot: {error}."])]


def stage_seconds(run: Path) -> dict[str, float]:
    """Seconds that each stage of a run took, over all its starts; empty without a log."""
    if not (run / "log.jsonl").is_file():
        return {}
    return {record["stage"]: record["elapsed"] for record in read_log(run / "log.jsonl") if "elapsed" in record}
