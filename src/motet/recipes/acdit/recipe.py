"""ACDiT: blockwise autoregression, diffusion inside each block (Hu et al. 2024, arXiv 2412.07720).

A picture is cut into blocks. Block i is denoised jointly, given the clean blocks before it, so one block is DiT and a
block of one token is a next-token model with the whole backbone as its head. Training shows each block twice: noised,
for the prediction, and clean, for what comes behind. Time, and the class if there is one, modulate noised tokens only,
so clean keys and values are computed once, for all denoising steps and for both branches of guidance.

    loss = cross-entropy(text) + image_weight * mean squared error(prediction at each noised token)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import ClassVar, Literal

from motet.bounds import check_bounds
from motet.codecs.text import TextCodec
from motet.errors import ConfigError
from motet.factorise.next_block import NextBlock, tile_of
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.rope import MixedRope
from motet.recipes.denoised_pictures import DenoisedPictures
from motet.recipes.modulated import CONDITION, Condition, modulated
from motet.recipes.recipe import Recipe
from motet.request import Sampling

MIXED_BASE = 100.0
"""The published code's, on grids of 16 and 32; it takes 200 on 64."""


@dataclass(frozen=True)
class ACDiT(DenoisedPictures):
    """The knobs of ACDiT."""

    paper: ClassVar[str] = "ACDiT, arXiv 2412.07720"
    summary: ClassVar[str] = "pictures block by block, each block denoised given clean ones: between LatentLM and DiT"
    sizes: ClassVar[Mapping[str, Recipe]]

    backbone: TransformerShape = TransformerShape(ffn_dim=640, rope_axes=(32, 0, 16, 16), qk_norm=True)
    block: int | None = field(default=9, metadata={"help": "tokens of a block; none: the whole picture"})
    condition: Condition = field(default="text", metadata=CONDITION)
    rope: Literal["axial", "mixed"] = field(
        default="axial",
        metadata={"help": "axial: each axis turns its own pairs; mixed: the published code's, of classes alone"},
    )
    image_weight: float = field(default=5.0, metadata={"help": "weight of the pictures' loss beside the text's"})
    sampling: Sampling = Sampling(guidance=2.0, steps=10)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "block", low=1)
        if self.rope == "mixed" and (self.condition == "text" or self.text_first < 1):
            raise ConfigError(
                "rope=mixed turns by row and column alone, so words would have no order; set condition=class and "
                "text_first=1, which is all that the published code knows, or rope=axial"
            )

    def idle(self) -> tuple[str, ...]:
        """Mixed positions turn by row and column, half of the channels each; a base of 10000 is the axial form's."""
        if self.rope == "axial":
            return super().idle()
        return (*super().idle(), "backbone.rope_axes", *(() if self.sets_base else ("backbone.rope_theta",)))

    def unread(self) -> tuple[str, ...]:
        """A schedule of guidance, where the trained picture is one block: every schedule ends at its last one."""
        one = self.block == prod(self.grid(self.codec.patch))
        return (*super().unread(), *(["sampling.guidance_schedule"] if one else []))

    @property
    def sets_base(self) -> bool:
        """Whether the base of the rotary frequencies is another than any transformer's."""
        return self.backbone.rope_theta != TransformerShape.rope_theta

    def factorisation(self, channels: int) -> NextBlock:
        """Blocks of the shape that they have in a picture of the trained size, in one of another size too."""
        tile = None if self.block is None else tile_of(self.grid(self.codec.patch), self.block)
        return NextBlock(channels, self.noising, size=tile, clean_copy=True)

    def blocks(self, text: TextCodec) -> Backbone:
        if self.rope == "axial":
            return modulated(self.backbone, text, condition=self.condition)
        half, theta = self.backbone.channels_per_head // 2, self.backbone.rope_theta
        rope = MixedRope(2 * half, theta=theta if self.sets_base else MIXED_BASE, axes=(0, 0, half, half))
        return modulated(self.backbone, text, condition=self.condition, rope=rope)
