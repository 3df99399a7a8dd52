"""Pictures made worse in the ways of generated ones: blurred, noisy, quantised, a little off in scale and light."""

import io

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from motet.codecs.pixels import to_picture, to_tensor

BLUR = 0.9
"""Standard deviation of the strongest blur, in pixels of a picture of side 48."""
NOISE = 0.1
"""Standard deviation of the strongest noise, where black is -1 and white is 1."""
SHIFT = 0.06
"""Largest change of each channel, on the same scale."""


def degraded(pictures: Float[Tensor, "n 3 h w"], rng: torch.Generator) -> Float[Tensor, "n 3 h w"]:
    """The pictures, each blurred, shifted in its colours and noised by amounts of its own; every third as a JPEG."""
    n, side = len(pictures), pictures.shape[-1]
    sigma = torch.rand(n, generator=rng) * BLUR * side / 48
    worse = blurred(pictures, sigma)
    worse = worse + (torch.rand(n, 3, 1, 1, generator=rng) * 2 - 1) * SHIFT
    worse = worse + torch.randn(pictures.shape, generator=rng) * torch.rand(n, 1, 1, 1, generator=rng) * NOISE
    quality = torch.randint(40, 90, (n,), generator=rng).tolist()
    rows = [as_jpeg(one, q) if i % 3 == 0 else one for i, (one, q) in enumerate(zip(worse, quality, strict=True))]
    return torch.stack(rows).clamp(-1, 1)


def blurred(pictures: Float[Tensor, "n 3 h w"], sigma: Float[Tensor, " n"]) -> Float[Tensor, "n 3 h w"]:
    """Each picture under a Gaussian of its own width in pixels."""
    n, channels, h, w = pictures.shape
    reach = torch.arange(-3, 4)
    weight = torch.exp(-(reach**2) / (2 * sigma[:, None].clamp(min=0.05) ** 2))
    kernel = (weight / weight.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    rows = F.pad(pictures, (3, 3, 3, 3), mode="replicate").reshape(1, n * channels, h + 6, w + 6)
    rows = F.conv2d(rows, kernel[:, None, None], groups=n * channels)
    return F.conv2d(rows, kernel[:, None, :, None], groups=n * channels).view(n, channels, h, w)


def as_jpeg(picture: Float[Tensor, "3 h w"], quality: int) -> Float[Tensor, "3 h w"]:
    """The picture after JPEG at that quality."""
    file = io.BytesIO()
    to_picture(picture).save(file, "JPEG", quality=quality)
    return to_tensor(Image.open(file))
