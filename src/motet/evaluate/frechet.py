"""Two distances between sets of features: Frechet's (Gaussian) and the kernel distance.

Frechet (Heusel et al. 2017, eq. 6):  |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))
Kernel (Binkowski et al. 2018, eq. 4): the unbiased MMD^2 under k(x, y) = (x.y / d + 1)^3, over random subsets

The Frechet distance is biased upwards for few pictures, so compare only numbers of equal counts; the kernel distance is
not. The arithmetic is torchmetrics', in double precision.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.errors import DataError
from motet.evaluate.optional import optional

SUBSETS = 100


class KernelDistance(NamedTuple):
    """Mean of the unbiased MMD^2 over subsets, and its standard deviation between subsets. It may fall below zero."""

    mean: float
    std: float


class AlreadyFeatures(nn.Module):
    """A feature extractor for torchmetrics that is given features."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """The Frechet distance between Gaussians fitted to `a` and `b`; zero for identical sets.

    Raises DataError for fewer than two rows or features that are not finite, MissingExtra without torchmetrics.
    """
    _check(a, b)
    metric = optional("torchmetrics.image.fid").FrechetInceptionDistance(feature=AlreadyFeatures(a.shape[1]))
    metric.update(a.detach().cpu().double(), real=True)
    metric.update(b.detach().cpu().double(), real=False)
    return max(0.0, float(metric.compute()))  # rounding can carry a distance of nought just below it


def kernel_distance(
    a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], *, subset: int = 500, seed: int = 0
) -> KernelDistance:
    """The kernel distance over 100 random subsets of `subset` rows of each (all rows, if there are fewer).

    Raises DataError for fewer than two rows or features that are not finite, MissingExtra without torchmetrics.
    """
    _check(a, b)
    mmd = optional("torchmetrics.image.kid").poly_mmd
    rng = torch.Generator().manual_seed(seed)
    size = min(subset, len(a), len(b))
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    values = torch.stack(
        [
            mmd(a[torch.randperm(len(a), generator=rng)[:size]], b[torch.randperm(len(b), generator=rng)[:size]])
            for _ in range(SUBSETS)
        ]
    )
    return KernelDistance(float(values.mean()), float(values.std()))


def _check(a: Tensor, b: Tensor) -> None:
    for features in (a, b):
        if len(features) < 2:
            raise DataError(f"a distance between sets needs at least 2 pictures in each; got {len(a)} and {len(b)}")
        if not bool(features.isfinite().all()):
            raise DataError("some features are not finite; look at the pictures that they come from")
