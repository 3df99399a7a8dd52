"""The verbs of generation.

A sampling program is a Python generator. It yields what it wants placed or drawn, and is sent the result; one driver
(``motet.generate``) serves many programs with one forward a turn.

- ``Commit(span)`` places tokens publicly; the cache keeps them. Sent back: hidden states ``[branches, n, d]``.
- ``Append(span)`` does the same for tokens whose hidden states nobody reads: they wait for whatever is placed next, and
  share its forward; where nothing follows, they are never computed. Nothing is sent back.
- ``Peek(span)`` places tokens privately: nobody else sees them and they are forgotten. Sent back: the same. Several
  spans peeked at together are private blocks side by side: each sees what is committed, and none the others.
- ``Draw(modality, hidden, noise, how)`` asks the modality's head for values. Sent back: ``[k]`` ids or ``[k, c]``
  latents.
  It is a verb because heads, like the backbone, are cheap only when many requests share the call.
- ``Forget(branches)`` empties branches: an unconditional branch starts afresh for each thing that is generated.

A request runs in one or more *branches* (the conditional one and, with guidance, the unconditional one): rows of the
same forward that hold the same document but for the spans which the guidance leaves out. Where it leaves out a label
and no span, one branch is enough.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from motet.sequence.span import Span


@dataclass(frozen=True)
class Commit:
    """Place ``span`` publicly in the given branches (None: in all of them)."""

    span: Span
    branches: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Append:
    """Place ``span`` publicly in the given branches (None: in all of them), together with what comes next there."""

    span: Span
    branches: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Peek:
    """Place ``span`` privately in all branches, and forget it afterwards.

    beside: further spans as long as this one, each a private block of its own. What differs between two branches may so
    stand in two spans of one branch, which then is the only one that has to be kept. Sent back: hidden states
    ``[branches * spans, n, d]``, those of a branch behind each other.
    """

    span: Span
    beside: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        assert all(len(span) == len(self.span) for span in self.beside), "spans side by side are of one length"


@dataclass(frozen=True)
class Draw:
    """Ask the head of ``modality`` for values.

    hidden: ``[branches, k, d]``; noise: all randomness of the draw, ``[k, ...]``, drawn by the program from the
    request's own generator, so that a request gets what it would get alone; how: the head's sampling settings
    (hashable).
    """

    modality: str
    hidden: Float[Tensor, "branches k d"]
    noise: Tensor
    how: Any


@dataclass(frozen=True)
class Forget:
    """Empty these branches. Nothing is sent back."""

    branches: tuple[int, ...]


Verb = Commit | Append | Peek | Draw | Forget
Program = Generator[Verb, Any, Any]
