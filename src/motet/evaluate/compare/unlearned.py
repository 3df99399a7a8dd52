"""What a run has not learned: numbers of that mean nothing, and are not told."""

from motet.config import describe
from motet.model import TEXT, Model
from motet.recipes.recipe import Recipe

DRAWN = ("frechet", "judge", "judge_held_out", "judge/")


def unlearned(recipe: Recipe, model: Model) -> dict[str, tuple[str, ...]]:
    """Sentences, each with the numbers that it stands for; a name that ends in a slash, for all that begin so."""
    share = text_first(recipe)
    found: dict[str, tuple[str, ...]] = {
        f"Losses of {name}: their weight is 0, so nothing is learned from them.": (f"loss/{name}/",)
        for name in model.modalities
        if model.modality(name).weight == 0
    }
    if model.reads_labels:
        why = "Loss of text, text first: a text before a picture is its label and is not predicted; only marks are."
        found[why] = (f"loss/{TEXT}/text_first",)
    if share == 1:
        why = "Losses, image first: it learns pictures from text alone (text_first=1)."
        found[why] = tuple(f"loss/{name}/image_first" for name in model.modalities)
    if share == 0:
        why = "Drawing, and losses, text first: it learns text from pictures alone (text_first=0), so it cannot draw."
        found[why] = (*DRAWN, *(f"loss/{name}/text_first" for name in model.modalities))
    return found


def text_first(recipe: Recipe) -> float | None:
    """The share of pairs that it learns to draw; None if it has no such setting."""
    share: float | None = {setting.name: setting.value for setting in describe(recipe)}.get("text_first")
    return share
