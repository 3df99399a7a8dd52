"""Things found on their ground: by colour distance from the border's median, connected, each cut out at one scale.

No learning here. A pixel belongs to a thing if it is far from the ground's colour, and of a pale thing at least half as
far as the furthest pixel near it, so a blurred edge is cut near its middle. A piece inside the box of a larger one is a
part of it that is cut off by a pale line, such as a nose.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

CROP = 16
"""Side of a crop in pixels."""
MARGIN = 1.25
"""A crop is this many times as wide as what it holds."""
FAR = 48.0
"""Nothing nearer to the ground's colour than this, in levels of 255, belongs to a thing. Textures stay below 20."""
SURE = 100.0
"""Whatever is as far as this does, however much further its neighbours are: dark spots do not take a thing apart."""
LEAST = 0.09
"""Specks smaller than this share of the picture's side are no things."""
CHANNELS = 4
AT_ONCE = 64
"""Pictures worked on together: few enough to stay near the processor."""


@dataclass(frozen=True)
class Found:
    """Things of some pictures, in no order.

    picture: which picture each lies in. x, y: the centre of its box, extent: the box's longer side, as shares of the
    picture's side. crops: how much each pixel belongs to the thing, and its red, green and blue times that; 0 to 1.
    """

    picture: Int[Tensor, " m"]
    x: Float[Tensor, " m"]
    y: Float[Tensor, " m"]
    extent: Float[Tensor, " m"]
    crops: Float[Tensor, "m 4 16 16"]

    def __len__(self) -> int:
        return len(self.picture)


def find(pictures: Float[Tensor, "n 3 h w"]) -> Found:
    """Everything that stands out from the ground of each picture; pixels in -1 to 1."""
    parts = [_find(some, start * AT_ONCE) for start, some in enumerate(pictures.split(AT_ONCE))]
    return Found(*(torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0])))


def _find(pictures: Tensor, first: int) -> Found:
    levels = (pictures.float().clamp(-1, 1) + 1) * 127.5
    distance = (levels - ground_colour(levels)[:, :, None, None]).norm(dim=1)
    peak = distance
    for _ in range(max(1, round(levels.shape[-1] / 16))):
        peak = highest_near(peak)
    belongs = distance > (peak / 2).clamp(FAR, SURE)
    labels = connected(belongs)
    return _cut_out(levels / 255, labels, (distance / peak.clamp(min=FAR)).clamp(0, 1), first)


def ground_colour(levels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3"]:
    """The median of each channel over the border, one pixel wide, where no thing stands."""
    border = torch.cat([levels[..., 0, :], levels[..., -1, :], levels[..., 0], levels[..., -1]], dim=-1)
    return border.median(dim=-1).values


def connected(mask: Bool[Tensor, "n h w"]) -> Int[Tensor, "n h w"]:
    """A number for each pixel, shared by those that the mask connects (diagonals too) and by no others; -1 outside."""
    n, h, w = mask.shape
    first = h * w * torch.arange(n)[:, None, None]
    labels = torch.arange(1, h * w + 1, dtype=torch.float32).view(h, w) * mask
    while True:
        # every pixel takes the highest number near it, and then the number that the pixel of that number has by now
        spread = highest_near(labels) * mask
        leap = spread.view(n, -1).gather(1, (spread.view(n, -1).long() - 1).clamp(min=0)).view(n, h, w) * mask
        if torch.equal(leap, labels):
            return (labels.long() + first).where(mask, 0) - 1
        labels = leap


def highest_near(values: Float[Tensor, "n h w"]) -> Float[Tensor, "n h w"]:
    """The highest of each pixel and its eight neighbours; many times as fast as pooling."""
    for axis in (1, 2):
        n = values.shape[axis]
        wider = values.clone()
        wider.narrow(axis, 1, n - 1).copy_(torch.maximum(values.narrow(axis, 1, n - 1), values.narrow(axis, 0, n - 1)))
        low = wider.narrow(axis, 0, n - 1)
        low.copy_(torch.maximum(low, values.narrow(axis, 1, n - 1)))
        values = wider
    return values


def _cut_out(colours: Tensor, labels: Tensor, alpha: Tensor, first: int) -> Found:
    n, h, w = labels.shape
    inside = labels >= 0
    roots, which = labels[inside].unique(return_inverse=True)
    picture, row, column = inside.nonzero(as_tuple=True)
    m = len(roots)

    def bound(values: Tensor, how: str, start: int) -> Tensor:
        return torch.full((m,), start).scatter_reduce(0, which, values, how)

    top, bottom = bound(row, "amin", h), bound(row, "amax", -1) + 1
    left, right = bound(column, "amin", w), bound(column, "amax", -1) + 1
    of = bound(picture, "amin", n)
    extent = torch.maximum((bottom - top) / h, (right - left) / w)
    x, y = (left + right) / (2 * w), (top + bottom) / (2 * h)
    kept = (extent >= LEAST).nonzero()[:, 0]
    kept = kept[~_inside_another(of[kept], torch.stack([left / w, right / w, top / h, bottom / h], 1)[kept])]
    of, x, y, extent = of[kept], x[kept], y[kept], extent[kept]
    crops = _crops(colours[of], _alone(labels[of], roots[kept]) * alpha[of], x, y, extent)
    return Found(of + first, x, y, extent, crops)


def _inside_another(picture: Tensor, box: Tensor) -> Tensor:
    """Whether the centre of each box (left, right, top, bottom) lies in a larger one of the same picture."""
    left, right, top, bottom = box.unbind(1)
    x, y, area = (left + right) / 2, (top + bottom) / 2, (right - left) * (bottom - top)
    inside = (x[:, None] > left) & (x[:, None] < right) & (y[:, None] > top) & (y[:, None] < bottom)
    return (inside & (area[:, None] < area) & (picture[:, None] == picture)).any(dim=1)


def _alone(labels: Tensor, roots: Tensor) -> Tensor:
    """Where one thing is, with the soft edge of one pixel around it that may be partly its own."""
    own = (labels == roots[:, None, None]).float()
    return highest_near(own)


def _crops(colours: Tensor, alpha: Tensor, x: Tensor, y: Tensor, extent: Tensor) -> Tensor:
    if len(x) == 0:
        return torch.zeros(0, CHANNELS, CROP, CROP)
    layers = torch.cat([alpha[:, None], colours * alpha[:, None]], dim=1)
    place = torch.zeros(len(x), 2, 3)
    place[:, 0, 0] = place[:, 1, 1] = extent * MARGIN
    place[:, 0, 2], place[:, 1, 2] = 2 * x - 1, 2 * y - 1
    grid = F.affine_grid(place, [len(x), CHANNELS, CROP, CROP], align_corners=False)
    return F.grid_sample(layers, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
