"""Pictures as patches: cut and put back, their principal components, and a transformer over a picture's patches."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.errors import ShapeError
from motet.nn.attention import Context
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.backend import choose_backend
from motet.sequence import Tags, positions

PLACE_BANDS = 4
"""Frequencies of each axis of ``place_features``: the finest turns once over an eighth of a side."""


def patch_grid(height: int, width: int, patch: int) -> tuple[int, int]:
    """Rows and columns of patches of a picture; raises ShapeError if the patch does not divide it."""
    if height % patch or width % patch or not height or not width:
        raise ShapeError(
            f"a picture of {height}x{width} pixels does not divide into patches of {patch}x{patch}; "
            f"resize it to multiples of {patch}, "
            f"{max(patch, height // patch * patch)}x{max(patch, width // patch * patch)} for example"
        )
    return height // patch, width // patch


def cut(pixels: Float[Tensor, "b 3 y x"], patch: int) -> Float[Tensor, "b t i"]:
    """Patches in raster order, each row by row with its colours last."""
    rows, columns = patch_grid(pixels.shape[2], pixels.shape[3], patch)
    pieces = pixels.reshape(-1, 3, rows, patch, columns, patch)
    return pieces.permute(0, 2, 4, 3, 5, 1).reshape(-1, rows * columns, 3 * patch * patch)


def join(patches: Float[Tensor, "b t i"], grid: tuple[int, int], patch: int) -> Float[Tensor, "b 3 y x"]:
    """The pictures that ``cut`` makes these patches of."""
    pieces = patches.reshape(-1, *grid, patch, patch, 3)
    return pieces.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, grid[0] * patch, grid[1] * patch)


EXACT = 1 << 22
"""Numbers taken into float64 together: all patches of a sample of large pictures would be tens of gigabytes."""


class Components(NamedTuple):
    """Principal components, the largest first: ``centre`` [i], ``variance`` [n], ``direction`` [i, n], in float64."""

    centre: Tensor
    variance: Tensor
    direction: Tensor


def principal_components(patches: Float[Tensor, "k i"], n: int) -> Components:
    """The first ``n`` components of ``patches``, or as many as a patch has numbers. Variances are at least 1e-8."""
    size = patches.shape[1]
    centre = patches.new_zeros(size, dtype=torch.float64)
    covariance = patches.new_zeros(size, size, dtype=torch.float64)
    parts = in_exact_parts(patches)
    for part in parts:
        centre += part.double().sum(0) / len(patches)
    for part in parts:
        away = part.double() - centre
        covariance += away.T @ away / len(patches)
    variance, direction = torch.linalg.eigh(covariance)
    n = min(n, len(variance))
    return Components(centre, variance[-n:].flip(0).clamp_min(1e-8), direction[:, -n:].flip(1))


def in_exact_parts(patches: Float[Tensor, "k i"]) -> tuple[Tensor, ...]:
    """Runs of patches that are small enough to compute with in float64."""
    return patches.split(max(1, EXACT // patches.shape[1]))


class PatchTransformer(nn.Module):
    """``n_in -> n_out`` numbers for each patch: a linear map plus what a transformer over all patches adds to it.

    The linear map alone can be started at a usable codec; the transformer's share starts at zero. Positions are axial
    rotary ones, so any grid fits.
    """

    def __init__(self, n_in: int, n_out: int, *, dim: int, n_layers: int, n_heads: int):
        super().__init__()
        head_dim = dim // n_heads
        trunk = TransformerShape(
            dim=dim,
            n_layers=n_layers,
            n_heads=n_heads,
            ffn_dim=3 * dim,
            rope_axes=(0, 0, head_dim // 2, head_dim // 2),
            rope_theta=100.0,
        )
        self.linear = nn.Linear(n_in, n_out)
        self.project_in = nn.Linear(n_in, dim)
        self.place = nn.Linear(4 * PLACE_BANDS, dim, bias=False)
        self.trunk = Backbone.plain(trunk)
        self.project_out = nn.Linear(dim, n_out)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def forward(self, x: Float[Tensor, "b t i"], grid: tuple[int, int]) -> Float[Tensor, "b t o"]:
        h = self.project_in(x) + self.place(place_features(grid).to(x.device))
        h, _ = self.trunk.run(h, self._context(grid, x.device, grad=h.requires_grad))
        return self.linear(x) + self.project_out(h)

    def compile_blocks(self) -> None:
        """Switch the blocks to `torch.compile`, in place."""
        for block in self.trunk.blocks:
            block.compile()

    def _context(self, grid: tuple[int, int], device: torch.device, *, grad: bool) -> Context:
        """All patches of a picture see each other."""
        tokens = grid[0] * grid[1]
        doc = torch.zeros(1, tokens, dtype=torch.long, device=device)
        together = Tags(doc, doc, torch.ones_like(doc, dtype=torch.bool))
        backend = choose_backend("auto", device, grad=grad, row_length=tokens)
        rotation = self.trunk.rope(positions(tokens, 0, grid).to(device)[None])
        return Context(backend, backend.mask(together, together), rotation)


def place_features(grid: tuple[int, int]) -> Float[Tensor, "t f"]:
    """Where each patch stands in the whole picture: sines and cosines of its row and column, each scaled to 0 .. 1.

    Rotary positions tell patches apart by their distance only; but pictures are composed, and a middle is not an edge.
    """
    axes = [(torch.arange(size) + 0.5) / size for size in grid]
    place = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1)
    angle = (place[..., None] * torch.pi * 2.0 ** torch.arange(PLACE_BANDS)).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], -1)
