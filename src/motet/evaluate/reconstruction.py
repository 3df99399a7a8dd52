"""How well a codec gives pictures back: the peak signal-to-noise ratio, 10 log10(255^2 / MSE)."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from motet.errors import ShapeError

PEAK = 255.0
AT_ONCE = 128  # pictures; all of a split in double precision may be more than the memory holds


def psnr(a: UInt8[Tensor, "n 3 h w"], b: UInt8[Tensor, "n 3 y x"]) -> Float[Tensor, "n"]:
    """PSNR of each picture in dB.

    Equal pictures get the value of the smallest difference that there can be, one level in one value, so that means
    stay finite. Raises ShapeError if the sizes differ.
    """
    if a.shape != b.shape:
        raise ShapeError(f"cannot compare pictures of {list(a.shape)} with {list(b.shape)}; make them the same size")
    parts = zip(a.split(AT_ONCE), b.split(AT_ONCE), strict=True)
    error = torch.cat([(x.double() - y.double()).square().flatten(1).mean(1) for x, y in parts])
    return 10 * (PEAK**2 / error.clamp(min=1 / a[0].numel())).log10() if len(a) else error
