"""Is the true picture, of all in a gallery, the nearest to the generated one?

Two ways of seeing: pixels (mean squared difference after average pooling to 16x16, which forgives fine detail and
counts colour and layout) and features (cosine of, say, EfficientNet-Lite0 features, which forgives small shifts).
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, Num, UInt8
from torch import Tensor
from torch.nn import functional as F

from motet.errors import ConfigError, DataError, ShapeError
from motet.evaluate.interval import Interval, mean_interval

POOLED = 16
AT_ONCE = 128  # pictures; all of a gallery in double precision may be more than the memory holds
# Two copies of a picture in the gallery are the same answer. Their features differ by rounding (about 1e-7, by their
# place in a batch), and an item within `SAME` of the truth cannot be nearer by more than that (triangle inequality).
SAME = 1e-5


@dataclass(frozen=True)
class Retrieval:
    """How near the true picture came: `ranks[i]` gallery items are strictly nearer than it to picture i (0 is best)."""

    top1: Interval
    top5: Interval
    ranks: Int[Tensor, "n"]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: the two proportions with their intervals, the median rank, and the count."""
        median = float(self.ranks.double().median())
        return {"top1": self.top1._asdict(), "top5": self.top5._asdict(), "median_rank": median, "n": len(self.ranks)}


def retrieval(
    generated: Num[Tensor, "n *what"],
    truth_index: Int[Tensor, "k"],
    gallery: Num[Tensor, "m *thing"],
    *,
    by: str = "pixels",
) -> Retrieval:
    """Ranks the true picture, `gallery[truth_index[i]]`, by its nearness to `generated[i]`.

    by="pixels": both are uint8 pictures [., 3, h, w], of any sizes. by="features": both are feature vectors [., d], so
    that a gallery's features are computed once for many questions.
    Raises ShapeError for sizes that do not fit, DataError for an index outside the gallery, ConfigError for another
    `by`.
    """
    if by not in ("pixels", "features"):
        raise ConfigError(f"cannot retrieve by {by!r}; choose 'pixels' or 'features'")
    axes = 4 if by == "pixels" else 2
    if generated.ndim != axes or gallery.ndim != axes:
        shapes = f"{list(generated.shape)} and {list(gallery.shape)}"
        raise ShapeError(f"retrieval by {by} needs tensors of {axes} axes; got {shapes}")
    if len(generated) != len(truth_index) or len(generated) == 0:
        raise ShapeError(f"{len(generated)} generated pictures but {len(truth_index)} true indices; give one each")
    if int(truth_index.min()) < 0 or int(truth_index.max()) >= len(gallery):
        raise DataError(f"a true index lies outside the gallery of {len(gallery)}: {truth_index.tolist()}")
    describe = pooled if by == "pixels" else unit
    ranks = _ranks(describe(generated), truth_index, describe(gallery))
    return Retrieval(mean_interval(ranks == 0), mean_interval(ranks < 5), ranks)


def pooled(pictures: UInt8[Tensor, "n 3 h w"]) -> Float[Tensor, "n 768"]:
    """Pictures as values in [0, 1], averaged over a grid of 16 by 16; in double precision."""
    some = (F.adaptive_avg_pool2d(part.cpu().double() / 255, POOLED) for part in pictures.split(AT_ONCE))
    return torch.cat([part.flatten(1) for part in some])


def unit(features: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Features at length 1, where the squared distance is 2 - 2 cos; in double precision."""
    return F.normalize(features.cpu().double(), dim=1)


def _ranks(
    generated: Float[Tensor, "n d"], truth_index: Int[Tensor, "n"], gallery: Float[Tensor, "m d"]
) -> Int[Tensor, "n"]:
    # Euclidean distance orders as the mean squared difference does. Not by matrix product: it cancels, and breaks ties.
    distance = torch.cdist(generated, gallery, compute_mode="donot_use_mm_for_euclid_dist")
    truth = distance.gather(1, truth_index.cpu().long()[:, None])
    return (distance < truth - SAME).sum(1)
