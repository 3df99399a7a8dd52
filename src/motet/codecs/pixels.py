"""Pixels: real numbers in -1 to 1, for networks; bytes in 0 to 255 and Pillow's pictures, for people."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from motet.types import Raw


def from_bytes(levels: UInt8[Tensor, "*n 3 y x"]) -> Float[Tensor, "*n 3 y x"]:
    """Pixels in -1 to 1."""
    return levels.float() / 127.5 - 1.0


def to_bytes(pixels: Float[Tensor, "*n 3 y x"]) -> UInt8[Tensor, "*n 3 y x"]:
    """The nearest levels; what is below -1 or above 1 is cut."""
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def to_tensor(picture: Raw) -> Float[Tensor, "3 y x"]:
    """Pixels in -1 to 1 of an RGB picture."""
    assert isinstance(picture, Image.Image)
    return from_bytes(torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)).contiguous()


def to_picture(pixels: Float[Tensor, "3 y x"]) -> Image.Image:
    """The RGB picture of pixels in -1 to 1."""
    return Image.fromarray(to_bytes(pixels).permute(1, 2, 0).numpy())
