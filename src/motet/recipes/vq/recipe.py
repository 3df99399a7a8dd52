"""VQ: pictures as one of K codes a patch, predicted like words (LlamaGen, arXiv 2406.06525; Chameleon, 2405.09818).

A codec quantises each patch to the nearest entry of a codebook. The codes stand in one sequence with text, and a
softmax over the codebook predicts the next one. From Chameleon come the norm on queries and keys, without which mixed
sequences diverge, and the z-loss, which keeps logits from drifting; from LlamaGen the low-dimensional, normalised
codebook, guidance on the logits, and sampling at full temperature with the tail cut or left.

    loss = cross-entropy(text) + image_weight * (cross-entropy(codes) + z_loss * log(Z)^2)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from motet.bounds import check_bounds
from motet.codecs.vq import VQ, VqShape
from motet.embed.lookup import Lookup
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.model import Modality
from motet.recipes.pictures import PictureRecipe
from motet.recipes.recipe import Recipe
from motet.request import Sampling


@dataclass(frozen=True)
class VQTokens(PictureRecipe):
    """The knobs of next-code prediction."""

    paper: ClassVar[str] = "LlamaGen, arXiv 2406.06525; Chameleon, arXiv 2405.09818"
    summary: ClassVar[str] = "pictures as codes of a codebook, each predicted like a word"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: VqShape = VqShape(patch=6)
    z_loss: float = field(default=1e-5, metadata={"help": "weight of the squared log of the softmax's sum (Chameleon)"})
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "z_loss", low=0)

    def picture(self) -> Modality:
        dim, size = self.backbone.dim, self.codec.codebook_size
        return Modality(
            codec=VQ(self.codec),
            embed=Lookup(size, dim),
            factorise=NextToken(),
            head=Categorical(dim, size, z_loss=self.z_loss),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=self.grid(self.codec.patch),
        )
