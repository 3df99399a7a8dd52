"""The backbone: a stack of blocks between an embedding and the heads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motet.bounds import check_bounds
from motet.errors import CapabilityError, ConfigError
from motet.nn.attention import Attention, Context
from motet.nn.backend import AttentionName, choose_backend
from motet.nn.block import Aux, Block, TransformerBlock, through
from motet.nn.cache import Cache
from motet.nn.compiler import lacks_for_compiling, options_for_products
from motet.nn.condition import Conditioning
from motet.nn.ffn import SwiGLU
from motet.nn.norm import RMSNorm
from motet.nn.rope import Rope, Rotary
from motet.sequence import Labels, Tags


@dataclass(frozen=True)
class TransformerShape:
    """Size and kind of a plain transformer, in the field's terms."""

    dim: int = field(default=256, metadata={"help": "model width"})
    n_layers: int = field(default=6, metadata={"help": "number of blocks"})
    n_heads: int = field(default=4, metadata={"help": "query heads"})
    n_kv_heads: int | None = field(default=None, metadata={"help": "key-value heads (grouped queries); none: n_heads"})
    head_dim: int | None = field(default=None, metadata={"help": "width of a head; none: dim / n_heads"})
    ffn_dim: int = field(default=768, metadata={"help": "hidden width of the SwiGLU"})
    rope_theta: float = field(default=10000.0, metadata={"help": "base of the rotary frequencies"})
    rope_axes: tuple[int, ...] = field(
        default=(), metadata={"help": "head channels turned by (index, frame, row, column); (): all by the index"}
    )
    qk_norm: bool = field(default=False, metadata={"help": "RMSNorm on queries and keys"})
    qkv_bias: bool = field(default=False, metadata={"help": "bias on queries, keys and values (Qwen2)"})
    out_bias: bool = field(default=False, metadata={"help": "bias on what attention puts out (some Llamas)"})
    ffn_bias: bool = field(default=False, metadata={"help": "biases in the SwiGLU (some Llamas)"})
    norm_eps: float = field(default=1e-6, metadata={"help": "epsilon of the norms"})
    attention: AttentionName = field(
        default="auto",
        metadata={"help": "back-end of attention; auto: the fastest; flex: on CUDA, or a CPU that only generates"},
    )

    def __post_init__(self) -> None:
        check_bounds(self, "dim", "n_layers", "n_heads", "n_kv_heads", "head_dim", "ffn_dim", "rope_theta", low=1)
        check_bounds(self, "norm_eps", low=0)
        if self.head_dim is None and self.dim % self.n_heads:
            raise ConfigError(f"dim {self.dim} does not divide into {self.n_heads} heads; change one, or set head_dim")

    @property
    def channels_per_head(self) -> int:
        return self.head_dim or self.dim // self.n_heads

    def rope(self) -> Rope:
        return Rope(self.channels_per_head, theta=self.rope_theta, axes=self.rope_axes)

    def blocks(self) -> list[TransformerBlock]:
        return [
            TransformerBlock(
                Attention(
                    self.dim,
                    self.n_heads,
                    n_kv_heads=self.n_kv_heads,
                    head_dim=self.head_dim,
                    qk_norm=self.qk_norm,
                    qkv_bias=self.qkv_bias,
                    out_bias=self.out_bias,
                    norm_eps=self.norm_eps,
                    layer=layer,
                ),
                SwiGLU(self.dim, self.ffn_dim, bias=self.ffn_bias),
                dim=self.dim,
                norm_eps=self.norm_eps,
            )
            for layer in range(self.n_layers)
        ]


class Backbone(nn.Module):
    """Blocks, then a norm. Attends by the tags, over the cache too if one is given.

    conditioning: makes the condition of noised tokens that modulated blocks read; without it neither time nor labels
    are looked at. attention: the back-end, by name.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        *,
        dim: int,
        rope: Rotary,
        norm_eps: float = 1e-6,
        conditioning: Conditioning | None = None,
        attention: AttentionName = "auto",
    ):
        super().__init__()
        self.conditioning = conditioning
        self.blocks = nn.ModuleList(blocks)
        self.norm = RMSNorm(dim, eps=norm_eps)
        self.rope = rope
        self.attention = attention
        self._step: Callable[[Tensor, Context], tuple[Tensor, Aux]] | None = None

    @staticmethod
    def plain(shape: TransformerShape) -> "Backbone":
        return Backbone(
            shape.blocks(), dim=shape.dim, rope=shape.rope(), norm_eps=shape.norm_eps, attention=shape.attention
        )

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        tags: Tags,
        pos: Int[Tensor, "b t a"],
        cache: Cache | None = None,
        *,
        masked: Bool[Tensor, "b t"] | None = None,
        time: Float[Tensor, "b t"] | None = None,
        labels: Labels | None = None,
    ) -> tuple[Float[Tensor, "b t d"], Aux]:
        """Hidden states and the sum of each named auxiliary scalar over the blocks.

        masked: tokens that do not show their value, for blocks that treat them otherwise. time: of noised tokens, NaN
        elsewhere, for blocks that they modulate; labels: what else modulates them, where the conditioning reads labels.
        """
        grad = torch.is_grad_enabled() and any(parameter.requires_grad for parameter in self.parameters())
        backend = choose_backend(self.attention, x.device, grad=grad or x.requires_grad, row_length=x.shape[1])
        seen = tags if cache is None else cache.open(tags, pos)
        condition = None if time is None or self.conditioning is None else self.conditioning.condition(time, labels)
        ctx = Context(backend, backend.mask(tags, seen), self.rope(pos), cache, tags, masked, condition)
        if self._step is not None and tags.doc.numel() == 1 and ctx.mask is None:
            return self._step(x, ctx)
        return self.run(x, ctx)

    def compile_step(self) -> None:
        """Compiles the way of a lone token through all blocks, as in decoding one text, into one graph.

        The first token that goes that way waits for it: most of a minute for 30 blocks on two cores.
        Raises CapabilityError if this machine has no compiler.
        """
        if lack := lacks_for_compiling(next(self.parameters()).device):
            raise CapabilityError(f"decoding cannot be compiled here: {lack}; install it, or decode without")
        self._step = torch.compile(self.run, dynamic=True, options=options_for_products())

    def run(self, x: Float[Tensor, "b t d"], ctx: Context) -> tuple[Float[Tensor, "b t d"], Aux]:
        """The blocks and the last norm under a context that is already made: the part worth compiling."""
        x, aux = through(self.blocks, x, ctx)
        if self.conditioning is None or ctx.condition is None:
            return self.norm(x), aux
        return self.conditioning.normed(self.norm, x, ctx.condition), aux
