"""The backbone of DiT and ACDiT: every block under adaLN-Zero, by the diffusion time and, if asked, by a class.

condition=text    the prompt's tokens stand before the picture; under guidance each branch has read other ones
condition=class   the prompt as a whole is one vector, added to that of the time at noised tokens; nothing clean
                  knows of it, so both branches of guidance share the clean tokens, and one cache of them
"""

from typing import Literal

from motet.codecs.text import TextCodec
from motet.embed.label import TextLabel
from motet.embed.timed import TimeMLP
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.condition import Conditioning
from motet.nn.modulated import Modulated
from motet.nn.rope import Rotary

Condition = Literal["text", "class"]
CONDITION = {"help": "text: pictures read their prompt; class: the prompt is one vector beside the time"}


def modulated(
    shape: TransformerShape, text: TextCodec, *, condition: Condition, rope: Rotary | None = None
) -> Backbone:
    """The backbone, freshly initialised. rope: other rotations than the shape's."""
    label = TextLabel(text.vocab_size, shape.dim) if condition == "class" else None
    return Backbone(
        [Modulated(block) for block in shape.blocks()],
        dim=shape.dim,
        rope=shape.rope() if rope is None else rope,
        norm_eps=shape.norm_eps,
        conditioning=Conditioning(TimeMLP(shape.dim), shape.dim, label),
        attention=shape.attention,
    )
