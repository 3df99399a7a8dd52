"""What a comparison can say and what not, told with its own numbers."""

from collections.abc import Callable, Sequence

from motet.config import describe
from motet.evaluate.compare.findings import Looked
from motet.evaluate.compare.match import KNOB, TOLERANCE
from motet.evaluate.compare.plan import Comparison
from motet.evaluate.compare.run_one import RunRecord
from motet.recipes.feature_pictures import FeaturePictures
from motet.recipes.recipe import Recipe

TRUSTED = 0.98
"""What a judge should read rightly of real renders."""


def notes(comparison: Comparison, records: Sequence[RunRecord], looked: Looked) -> list[str]:
    """Paragraphs for the reader of the page."""
    seeds = len(comparison.seeds)
    size = f"{(comparison.parameters or 0) / 1e6:.2f}M"
    said = [
        f"Every run has {comparison.allowance}, the documents in the order of its seed, and one tokenizer for all. "
        f"Backbone, embeddings and heads together have {size} parameters, each arm within {TOLERANCE:.0%} of that by "
        f"its {KNOB}; codecs are counted apart. All three budgets are reported: equal minutes are not equal FLOPs or "
        "samples.",
        "This is a small setting: small pictures, few parameters, minutes of training. It says which recipe learns "
        "this data fastest at this size, not which is best at the papers' sizes, where the order may well be another.",
        "Each recipe runs at its own best known settings; some have been tuned longer than others, and ffn_dim, which "
        "matching changes, is not tuned again.",
        "Each codec was trained once and is shared by all seeds, so intervals hold for these codecs: the luck of their "
        "training is in every seed alike, and their PSNR has no interval. Recipes with different codecs draw different "
        "bounds; the distance of reconstructions shows how much of a picture's distance is the codec's.",
        "Losses of pictures are not compared between recipes: an error of velocities and a cross-entropy of codes are "
        "numbers of different kinds. Losses of text are, since all share one tokenizer; but for those of an order that "
        "a recipe does not learn, which are left out.",
        "Frechet distances of few pictures are too high, alike for all arms, and mean nothing beside "
        "other papers' numbers.",
    ]
    if looked.differences:
        said.append(
            f"Intervals are Student's t over {seeds} seeds, Welch's for differences. At 95 % about one difference in "
            f"twenty exceeds its interval by chance alone: of {looked.differences} looked at, "
            f"{looked.differences / 20:.0f}. "
            "Counts, such as passes, mostly have no spread, and then differ for certain."
        )
    if looked.alike:
        said.append(
            f"{looked.alike} differences have no interval, since all seeds of both arms gave the same number, such as "
            "0 of 24 prompts: they have no sentence, however large they are."
        )
    trust = min((record.numbers.get("judge_accuracy", 1.0) for record in records), default=1.0)
    if trust < TRUSTED:
        said.append(
            f"The judge reads only {trust:.1%} of real renders of this size rightly; below {TRUSTED:.0%} small "
            "differences of its scores are its own. Larger pictures are read better."
        )
    if labels := _labels(comparison, _begins_anew):
        said.append(
            f"{labels}: the model learns in several stages. Each begins an order of documents of its own, and one that "
            "is too short to repay compiling runs without."
        )
    if labels := _labels(comparison, lambda recipe: isinstance(recipe, FeaturePictures)):
        said.append(
            f"{labels}: features have no inverse, so the codec's PSNR and distance are of what a decoder draws of them "
            "by diffusion, from the finest scale that the model draws (sampling.scales), not the finest that there is."
        )
    if len(_orders(comparison)) > 1:
        said.append(
            "Recipes weigh groups of documents differently (balance), or draw another share of them (text_first), so "
            "their orders of documents differ."
        )
    if records:
        run = records[0]
        cores, cpu = run.machine.get("cores"), run.machine.get("cpu")
        hours = sum(record.seconds for record in records) / 3600
        said.append(
            f"Made on {cpu}, {cores} cores, torch {run.machine.get('torch')}, at commit "
            f"{', '.join(sorted({record.commit for record in records}))}; {hours:.1f} hours in all, codecs left out."
        )
    return said


def _labels(comparison: Comparison, are: Callable[[Recipe], bool]) -> str:
    return ", ".join(arm.label for arm in comparison.arms if are(arm.recipe))


def _begins_anew(recipe: Recipe) -> bool:
    """Whether some stage has another order of documents than the run's seed gives."""
    return any(stage.settings.seed != 0 for stage in recipe.stages(0))


def _orders(comparison: Comparison) -> set[tuple[str, ...]]:
    """What the order of documents depends on beside the seed, each way once."""
    names = ("balance", "describing_balance", "text_first")
    return {tuple(str(s.value) for s in describe(arm.recipe) if s.name in names) for arm in comparison.arms}
