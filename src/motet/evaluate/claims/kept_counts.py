"""How many patches of a picture a dynamic tokenizer keeps, what of the picture that number follows, and at which loss.

LaVIT (arXiv 2309.04669, section 3.1) lets the content decide. Scenes say what they hold: how many things, how much of
the picture these cover, and whether the ground is textured, which asks for patches too and goes with many things.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from motet.codecs.dynamic import Dynamic
from motet.data.corpus import Split
from motet.data.scenes.item import scene_of
from motet.data.scenes.scene import Scene
from motet.errors import DataError
from motet.evaluate.claims.correlation import correlated

AT_ONCE = 128
PEAK = 2.0
"""Pixels are in -1 to 1."""


class Coded(NamedTuple):
    """kept: of each picture, how many patches; error: the mean square of what its pixels are off."""

    kept: Float[Tensor, " n"]
    error: Float[Tensor, " n"]


def kept_numbers(codec: Dynamic, fresh: Split, held_out: Split) -> dict[str, float]:
    """``kept``, ``kept_spread``, the rank correlations ``kept_*``, and ``psnr_pooled``; of fresh scenes if not said.

    A number that is the same for every picture follows nothing: its correlations are 0.
    Raises DataError for pictures that are no scenes.
    """
    seen = coded(codec, fresh)
    scenes = [scene_of(document.id) for document in fresh.documents]
    kept = seen.kept.tolist()
    plain = [i for i, scene in enumerate(scenes) if scene.ground.texture == "plain"]
    new = coded(codec, held_out).kept.tolist()
    return {
        "kept": float(seen.kept.mean()),
        "kept_spread": float(seen.kept.std()),
        "kept_rank": _follows(kept, _things(scenes)),
        "kept_rank_plain": _follows([kept[i] for i in plain], _things([scenes[i] for i in plain])),
        "kept_rank_held_out": _follows(new, _things([scene_of(document.id) for document in held_out.documents])),
        "kept_rank_area": _follows(kept, [sum(thing.extent**2 for thing in scene.things) for scene in scenes]),
        "psnr_pooled": 10 * math.log10(PEAK**2 / max(1e-10, float(seen.error.mean()))),
    }


@torch.no_grad()
def coded(codec: Dynamic, split: Split) -> Coded:
    """Every picture of documents that have one each, through the codes as at inference."""
    if len(split.pixels) != len(split.documents):
        raise DataError(
            f"{len(split.documents)} documents have {len(split.pixels)} pictures; give documents of one each"
        )
    kept, error = [], []
    for start in range(0, len(split.pixels), AT_ONCE):
        pixels = split.pixels.batch(range(start, min(start + AT_ONCE, len(split.pixels)))).to(codec.device)
        kept.append((codec.merged(pixels).keep > 0.5).sum(1).float().cpu())
        made = codec.autoencode(pixels).clamp(-1, 1)
        error.append((made - pixels).square().flatten(1).mean(1).cpu())
    return Coded(torch.cat(kept), torch.cat(error))


def _things(scenes: Sequence[Scene]) -> list[float]:
    return [float(len(scene.things)) for scene in scenes]


def _follows(kept: Sequence[float], what: Sequence[float]) -> float:
    """Spearman's rank correlation."""
    return correlated(kept, what).rank or 0.0
