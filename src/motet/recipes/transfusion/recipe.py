"""Transfusion: one transformer for text and joint diffusion of pictures (Zhou et al. 2024, arXiv 2408.11039).

Text is predicted token by token under a causal mask. A picture is one block with full attention inside; it is noised at
one time, and the states at its own tokens predict what was noised. So every denoising step is a pass of the whole
backbone, and there is no head but a linear map. When a picture is done it is placed again, clean, and text goes on. A
picture that comes before its text is only read, or learned too, under little enough noise that the text can be learned
from it.

    loss = cross-entropy(text) + image_weight * mean squared error(prediction at each noised token)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

from motet.bounds import check_bounds
from motet.codecs.merged import Merged
from motet.codecs.sigma_vae import SigmaVAE
from motet.data.orders import Ordering, described
from motet.embed.convolve import Convolve
from motet.embed.embed import Embed
from motet.embed.project import Project
from motet.embed.timed import Timed
from motet.factorise.next_block import NextBlock
from motet.heads.velocity import Velocity
from motet.nn.backbone import TransformerShape
from motet.nn.tile import TileDown, TileUp
from motet.recipes.denoised_pictures import DenoisedPictures, Ways
from motet.recipes.recipe import Recipe
from motet.request import Sampling


@dataclass(frozen=True)
class Transfusion(DenoisedPictures):
    """The knobs of Transfusion."""

    paper: ClassVar[str] = "Transfusion, arXiv 2408.11039"
    summary: ClassVar[str] = "text token by token, each picture as one block that the whole backbone denoises"
    sizes: ClassVar[Mapping[str, Recipe]]

    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)
    merge: int = field(default=1, metadata={"help": "latents along a side of a token's tile (the paper's patch size)"})
    ends: Literal["linear", "unet"] = field(
        default="linear", metadata={"help": "from a token's latents to the model's width and back"}
    )
    noise_cap: float = field(
        default=0.0,
        metadata={
            "help": "most noise on a picture before its text, 1: any (paper: 0.5); 0: it is clean, and only read"
        },
    )
    image_weight: float = field(
        default=5.0, metadata={"help": "lambda: weight of the pictures' loss beside the text's"}
    )
    sampling: Sampling = Sampling(guidance=3.0, steps=20)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "merge", low=1)
        check_bounds(self, "noise_cap", low=0, high=1)

    def idle(self) -> tuple[str, ...]:
        """A cap, where no picture comes before its text."""
        return (*super().idle(), *(["noise_cap"] if self.text_first == 1 else []))

    def ways(self) -> Ways:
        dim, channels = self.backbone.dim, self.codec.channels
        values = channels * self.merge**2
        codec = SigmaVAE(self.codec)
        embed: Embed
        if self.ends == "linear":
            embed, head = Project(values, dim), Velocity(dim, values)
        else:
            embed = Convolve(TileDown(channels, dim, self.merge, width=dim // 2))
            head = Velocity(dim, values, out=TileUp(dim, channels, self.merge, width=dim // 2))
        return Ways(
            codec if self.merge == 1 else Merged(codec, self.merge),
            Timed(embed, dim),
            head,
            values,
            self.codec.patch * self.merge,
            "codec.patch" if self.merge == 1 else "codec.patch times merge",
        )

    def factorisation(self, channels: int) -> NextBlock:
        return NextBlock(channels, self.noising)

    def describing(self) -> Ordering:
        return partial(described, noise=self.noise_cap)
