"""LaVIT: a picture as a sentence, as long as its content asks for (Jin et al. 2023, arXiv 2309.04669).

A tokenizer keeps some patches of a picture, folds the others into them, and gives each a code. One causal transformer
writes text and such sentences alike, code by code up to an end that it predicts too. A picture that is read enters as
what the merger made of it, before the codes were chosen; one that is made, as its codes.

    text -> image   <|document|> a red fox <|image|> k k k k k END <|/image|> <|end|>
    image -> text   <|document|> <|image|> h h h h h <|/image|> a red fox <|end|>

With ``predicts_read`` the codes of a picture that comes first are predicted too, each from the h before it, as in the
paper. The paper shares one softmax between words and codes; here codes have their own, as every modality here has. What
is trained when is in stages.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from motet.codecs.dynamic import Dynamic, DynamicShape
from motet.data.orders import Ordering, described
from motet.embed.aligner import Aligned
from motet.embed.doors import Doors
from motet.embed.lookup import Lookup
from motet.factorise.given import Given
from motet.factorise.until import Until
from motet.heads.categorical import Categorical
from motet.model import Modality
from motet.nn.backbone import TransformerShape
from motet.recipes.lavit.stages import LaVITStages
from motet.recipes.recipe import Recipe
from motet.request import Sampling
from motet.sequence import Segment

VIEW = "view"
"""Spans of merged tokens: pictures that are read."""


def learned_as_read(segments: Sequence[Segment]) -> list[Segment]:
    """``described``, but what comes first is learned as well, in the way in which it is read."""
    if not all(segment.learn for segment in segments):
        return described(segments)
    return [replace(one, learn=True, view=not one.learn) for one in described(segments)]


@dataclass(frozen=True)
class LaVIT(LaVITStages):
    """The knobs of LaVIT."""

    paper: ClassVar[str] = "LaVIT, arXiv 2309.04669"
    summary: ClassVar[str] = "pictures as sentences of codes: a selector and a merger decide how many"
    sizes: ClassVar[Mapping[str, Recipe]]

    codec: DynamicShape = DynamicShape()
    backbone: TransformerShape = TransformerShape(n_layers=8, rope_axes=(32, 0, 16, 16), qk_norm=True)
    predicts_read: bool = field(
        default=False,
        metadata={"help": "predict the codes of pictures before their text too, from merged tokens (paper: true)"},
    )
    rows: int = field(default=24, metadata={"help": "packed rows in a batch"})
    row_length: int = field(default=192, metadata={"help": "tokens in a row"})
    sampling: Sampling = Sampling(guidance=3.0)

    def describing(self) -> Ordering:
        return learned_as_read if self.predicts_read else super().describing()

    def picture(self) -> Modality:
        grid = self.grid(self.codec.patch)
        dim, sentence = self.backbone.dim, self.codec.sentence(grid[0] * grid[1])
        return Modality(
            codec=Dynamic(self.codec, side=self.image_size),
            embed=Doors(Lookup(sentence.size, dim), {VIEW: Aligned(self.codec.dim, dim)}),
            factorise=Given(
                Until(sentence, usual=self.codec.rate), self.codec.halves(), view=VIEW, carries=sentence.carries
            ),
            head=Categorical(dim, sentence.size),
            weight=self.image_weight,
            size=(self.image_size, self.image_size),
            grid=grid,
        )
