"""What a run has not learned: numbers of that mean nothing, and are not told."""

from collections.abc import Container

from motet.model import TEXT, Model
from motet.recipes.recipe import Recipe

DRAWN = ("frechet", "judge", "judge_held_out", "judge/")


def unlearned(recipe: Recipe, model: Model, taught: Container[str] = ()) -> dict[str, tuple[str, ...]]:
    """Sentences, each with the numbers that it stands for; a name that ends in a slash, for all that begin so.

    taught: what pairs teach in whichever order they stand (``judged.taught_by_pairs``).
    """
    found: dict[str, tuple[str, ...]] = {
        f"Losses of {name}: their weight is 0, so nothing is learned from them.": (f"loss/{name}/",)
        for name in model.modalities
        if model.modality(name).weight == 0
    }
    if model.reads_labels:
        why = "Loss of text, text first: a text before a picture is its label and is not predicted; only marks are."
        found[why] = (f"loss/{TEXT}/text_first",)
    if why := recipe.mute(taught):
        found[f"Losses, image first: {why}."] = tuple(f"loss/{name}/image_first" for name in model.modalities)
    if why := recipe.handless(taught):
        sentence = f"Drawing, and losses, text first: {why}, so it cannot draw."
        found[sentence] = (*DRAWN, *(f"loss/{name}/text_first" for name in model.modalities))
    return found
