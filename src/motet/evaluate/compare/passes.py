"""What one picture costs to draw, counted while it is drawn: passes of backbone, head and decoder, and the cache.

A pass of the backbone is one forward, whatever it places: one token, or a whole picture at one denoising step; both
branches of guidance share it. So the tokens placed are counted too, each branch's own. A pass of the head is one run of
its network: ten for each latent that ten solver steps draw. The decoder is what makes pixels of a picture's values: one
pass, unless it draws them in many steps, as decoders of features do.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from motet.codecs.codec import Codec
from motet.data.loader import document_rng
from motet.generate import generate
from motet.heads.head import Head
from motet.model import Hidden, Model
from motet.nn.cache import Cache
from motet.request import Request
from motet.sequence import Packed


@dataclass(frozen=True)
class Passes:
    """Of one request. cache: bytes of the keys and values that are kept at most, all branches together."""

    backbone: int
    tokens: int
    head: int
    decoder: int
    cache: int


def count_passes(model: Model, request: Request) -> Passes:
    """Answers the request alone, makes a picture of the answer, and counts.

    Raises CapabilityError for a codec without a decoder.
    """
    assert request.want is not None, "the head that draws is the wanted modality's"
    modality = model.modality(request.want)
    with _watched_backbone(model) as seen, _watched_head(modality.head) as calls:
        made = generate(model, [request])[0][-1]
    with _watched_stacks(modality.codec) as runs:
        modality.codec.render([made.values], made.grid, [document_rng(request.seed, 0)])
    head, decoder = max(calls.values(), default=0), max(runs.values(), default=1)
    return Passes(seen.forwards, seen.tokens, head, decoder, seen.most_kept())


def kept_bytes(cache: Cache) -> int:
    """Bytes of the keys and values of committed tokens; room that is kept for more does not count."""
    return sum(cache.held) * cache.bytes() // max(1, cache.rows * cache.capacity)


@dataclass
class _Seen:
    """Forwards so far, the tokens that they placed, and the cache of the last one."""

    forwards: int = 0
    tokens: int = 0
    kept: int = 0
    cache: Cache | None = None

    def most_kept(self) -> int:
        """What is committed stands in the cache once the driver has closed it: before the next forward, or now."""
        if self.cache is not None:
            self.kept = max(self.kept, kept_bytes(self.cache))
        return self.kept


@contextmanager
def _watched_backbone(model: Model) -> Iterator[_Seen]:
    seen, plain = _Seen(), model.hidden

    def hidden(batch: Packed, cache: Cache | None = None) -> Hidden:
        seen.most_kept()
        seen.forwards += 1
        seen.tokens += batch.n_tokens
        seen.cache = cache
        return plain(batch, cache)

    model.hidden = hidden  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del model.hidden  # the class's own comes back


@contextmanager
def _watched_head(head: Head) -> Iterator[Counter[str]]:
    """Counts calls of ``sample`` and of each part of the head: what runs most often is its network.

    A head that is one matrix may multiply by it without calling the module; it runs once for each ``sample``.
    """
    calls: Counter[str] = Counter()
    plain = head.sample

    def sample(*args: Any, **kwargs: Any) -> Any:
        calls["sample"] += 1
        return plain(*args, **kwargs)

    def counts(name: str) -> Any:
        def count(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[f"part {name}"] += 1

        return count

    hooks = [part.register_forward_hook(counts(name)) for name, part in head.named_children()]
    head.sample = sample  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        del head.sample
        for hook in hooks:
            hook.remove()


@contextmanager
def _watched_stacks(codec: Codec) -> Iterator[Counter[str]]:
    """Counts calls of each block of the codec's stacks: what runs most often is the network that makes the picture."""
    calls: Counter[str] = Counter()

    def counts(name: str) -> Any:
        def count(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] += 1

        return count

    stacks = [(name, part) for name, part in codec.named_modules() if isinstance(part, nn.ModuleList)]
    hooks = [
        block.register_forward_hook(counts(f"{name}.{i}")) for name, part in stacks for i, block in enumerate(part)
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
