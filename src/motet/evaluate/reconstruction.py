"""How well a codec gives pictures back: the peak signal-to-noise ratio, 10 log10(255^2 / MSE)."""

from jaxtyping import Float, UInt8
from torch import Tensor

from motet.errors import ShapeError

PEAK = 255.0


def psnr(a: UInt8[Tensor, "n 3 h w"], b: UInt8[Tensor, "n 3 y x"]) -> Float[Tensor, "n"]:
    """PSNR of each picture in dB.

    Equal pictures get the value of the smallest difference that there can be, one level in one value, so that means
    stay finite. Raises ShapeError if the sizes differ.
    """
    if a.shape != b.shape:
        raise ShapeError(f"cannot compare pictures of {list(a.shape)} with {list(b.shape)}; make them the same size")
    error = (a.double() - b.double()).square().flatten(1).mean(1)
    return 10 * (PEAK**2 / error.clamp(min=1 / a[0].numel())).log10() if len(a) else error
