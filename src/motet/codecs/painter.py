"""From codes in order, however many, to a picture: one query for each patch (LaVIT, arXiv 2309.04669, section 3.1).

Queries and codes are one sequence, in which all see every query and the codes that a mask shows. Codes are told apart
by where they stand: by their rank among those shown, as in the paper, or by their place in the grid.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motet.codecs.merger import MaskedAttention
from motet.codecs.patches import PLACE_BANDS, join, place_features
from motet.nn.ffn import SwiGLU
from motet.nn.norm import RMSNorm

RANK_FEATURES = 32


class PainterBlock(nn.Module):
    """Pre-norm attention under a mask, and a feed-forward."""

    def __init__(self, dim: int, n_heads: int):
        super().__init__()
        self.attention_norm, self.ffn_norm = RMSNorm(dim), RMSNorm(dim)
        self.attention = MaskedAttention(dim, n_heads)
        self.ffn = SwiGLU(dim, 3 * dim)

    def forward(self, h: Float[Tensor, "b t d"], shown: Float[Tensor, "b 1 t"]) -> Float[Tensor, "b t d"]:
        normed = self.attention_norm(h)
        h = h + self.attention(normed, normed, shown)
        return h + self.ffn(self.ffn_norm(h))


class Painter(nn.Module):
    """Unit vectors of ``code_dim`` numbers -> pixels. places: codes stand at places of the grid; else at ranks."""

    def __init__(self, code_dim: int, patch: int, *, dim: int, n_layers: int, n_heads: int, places: bool):
        super().__init__()
        self.patch = patch
        self.places = places
        self.project_in = nn.Linear(code_dim, dim)
        self.stands = nn.Linear(4 * PLACE_BANDS if places else RANK_FEATURES, dim, bias=False)
        self.query = nn.Linear(4 * PLACE_BANDS, dim)
        self.blocks = nn.ModuleList(PainterBlock(dim, n_heads) for _ in range(n_layers))
        self.norm = RMSNorm(dim)
        self.project_out = nn.Linear(dim, 3 * patch**2)

    def forward(
        self,
        vectors: Float[Tensor, "b m e"],
        stands: Int[Tensor, "b m"],
        shown: Float[Tensor, "b m"],
        grid: tuple[int, int],
    ) -> Float[Tensor, "b 3 y x"]:
        """Pixels of the vectors that are shown. stands: the rank of each, or its place; shown may carry a gradient."""
        features = place_features(grid).to(vectors.device)
        where = features[stands.clamp_max(len(features) - 1)] if self.places else rank_features(stands)
        tokens = self.project_in(vectors * vectors.shape[-1] ** 0.5) + self.stands(where)
        queries = self.query(features).expand(len(vectors), -1, -1)
        h = torch.cat([queries.to(tokens), tokens], 1)
        mask = torch.cat([shown.new_ones(len(shown), len(features)), shown], 1)[:, None].to(h)
        for block in self.blocks:
            h = block(h, mask)
        patches = self.project_out(self.norm(h[:, : len(features)]))
        return join(patches.float(), grid, self.patch)

    @torch.no_grad()
    def start_from(self, patches: Float[Tensor, "k i"], rng: torch.Generator) -> None:
        """Begins near the mean patch, with small weights drawn from ``rng``."""
        weight = self.project_out.weight
        weight.copy_(torch.randn(weight.shape, generator=rng) * 0.02)
        self.project_out.bias.copy_(patches.mean(0))


def ranks(shown: Bool[Tensor, "b m"]) -> Int[Tensor, "b m"]:
    """How many are shown before each."""
    return (shown.cumsum(1) - 1).clamp_min(0)


def rank_features(ranks: Int[Tensor, "*b m"]) -> Float[Tensor, "*b m f"]:
    """Sines and cosines of a rank at wavelengths from 4 to 4000."""
    half = RANK_FEATURES // 2
    angle = ranks[..., None] * (torch.pi / 2 * 1000.0 ** (-torch.arange(half, device=ranks.device) / (half - 1)))
    return torch.cat([angle.sin(), angle.cos()], -1)
