"""LaVIT's selector and merger (arXiv 2309.04669, section 3.1): which patches are kept, and what they take over.

    selector   keep_i = [l_i + g_i > 0], l from an MLP that also sees the mean patch; g, logistic noise, is the
               difference of two Gumbel draws (0 outside training)
    merger     each kept token, causally in raster order, attends to itself and the kept ones before it, then to the
               dropped patches, whose content it so takes over

Both attentions multiply their weights by the mask, so the gradient of what a patch would have changed reaches the
selector through a straight-through estimate, hard forwards and a sigmoid backwards:

    a_j = exp(s_j) m_j;   out = sum_j a_j v_j / (1 + sum_j a_j)

The 1 is a key that is always there and says nothing. Where nothing was dropped the paper's code divides by 1e-6, which
makes the gradient of dropping something a million times that of anything else.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from motet.nn.ffn import SwiGLU
from motet.nn.norm import RMSNorm

AT_FIRST = 3.0
"""Logit that every patch begins with: nearly all are kept until there is something to fold into others."""


class Selector(nn.Module):
    """Patches -> the logit of keeping each."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.project_in = nn.Linear(dim, dim)
        self.hidden = nn.Linear(dim, dim // 2)
        self.project_out = nn.Linear(dim // 2, 1)
        nn.init.zeros_(self.project_out.weight)
        nn.init.constant_(self.project_out.bias, AT_FIRST)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t"]:
        local, whole = gelu(self.project_in(self.norm(x))).chunk(2, -1)
        seen = torch.cat([local, whole.mean(1, keepdim=True).expand_as(whole)], -1)
        return self.project_out(gelu(self.hidden(seen)))[..., 0].float()


def select(logits: Float[Tensor, "b t"], noise: Float[Tensor, "b t"] | None = None) -> Float[Tensor, "b t"]:
    """1 for kept patches, 0 for dropped; the likeliest is always kept. ``noise``: logistic, in training.

    The gradient is that of the sigmoid.
    """
    moved = logits if noise is None else logits + noise
    soft = moved.sigmoid()
    hard = (moved >= 0).to(soft)
    hard = hard.scatter(1, moved.argmax(1, keepdim=True), 1.0)
    return hard + soft - soft.detach()


class MaskedAttention(nn.Module):
    """Attention whose weights are multiplied by a mask that may carry a gradient."""

    def __init__(self, dim: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.q_norm, self.k_norm = RMSNorm(dim // n_heads), RMSNorm(dim // n_heads)
        nn.init.zeros_(self.out.weight)

    def forward(
        self, x: Float[Tensor, "b q d"], y: Float[Tensor, "b k d"], mask: Float[Tensor, "b #q k"]
    ) -> Float[Tensor, "b q d"]:
        q = self.q_norm(self.query(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2))
        k, v = self.key_value(y).unflatten(-1, (2 * self.n_heads, -1)).transpose(1, 2).chunk(2, 1)
        scores = (q @ self.k_norm(k).mT).float() * q.shape[-1] ** -0.5
        shown = mask[:, None].detach() > 0.5
        top = scores.detach().masked_fill(~shown, 0).amax(-1, keepdim=True).clamp_min(0)
        weight = (scores - top).exp() * mask[:, None]
        weight = weight / (weight.sum(-1, keepdim=True) + (-top).exp())
        return self.out((weight.to(v) @ v).transpose(1, 2).flatten(2))


class MergerBlock(nn.Module):
    """Causal attention among the kept, attention to the dropped, and a feed-forward."""

    def __init__(self, dim: int, n_heads: int):
        super().__init__()
        self.kept_norm, self.dropped_norm, self.ffn_norm = RMSNorm(dim), RMSNorm(dim), RMSNorm(dim)
        self.kept = MaskedAttention(dim, n_heads)
        self.dropped = MaskedAttention(dim, n_heads)
        self.ffn = SwiGLU(dim, 3 * dim)

    def forward(
        self, h: Float[Tensor, "b t d"], patches: Float[Tensor, "b t d"], keep: Float[Tensor, "b t"]
    ) -> Float[Tensor, "b t d"]:
        tokens = h.shape[1]
        earlier = torch.ones(tokens, tokens, device=h.device).tril(-1)
        oneself = torch.eye(tokens, device=h.device)
        normed = self.kept_norm(h)
        h = h + self.kept(normed, normed, keep[:, None] * earlier + oneself)
        h = h + self.dropped(self.dropped_norm(h), patches, (1 - keep)[:, None])
        return h + self.ffn(self.ffn_norm(h))


class Merger(nn.Module):
    """Patches and who is kept -> a token for each place; only those of kept places mean anything."""

    def __init__(self, dim: int, n_layers: int, n_heads: int):
        super().__init__()
        self.patch_norm = RMSNorm(dim)
        self.blocks = nn.ModuleList(MergerBlock(dim, n_heads) for _ in range(n_layers))
        self.norm = RMSNorm(dim)

    def forward(self, patches: Float[Tensor, "b t d"], keep: Float[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        h, normed = patches, self.patch_norm(patches)
        for block in self.blocks:
            h = block(h, normed, keep)
        return self.norm(h)
