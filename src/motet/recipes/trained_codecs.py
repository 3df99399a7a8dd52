"""Trained codecs in a file of their own, so that many runs start from the same ones, bit for bit.

A stage trains a codec, or a part of one: the codes that Janus draws stand beside features that another stage trains.
One safetensors file holds the tensors of what a stage has trained, named ``<number>.<tensor>``. They are put where the
model has tensors of the same names, so recipes that have the same part in other places share its file.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from motet.codecs.codec import Codec
from motet.errors import CheckpointError
from motet.model import TEXT, Model
from motet.train.checkpoint import restore, tensors_of
from motet.train.objective import Objective
from motet.whole import whole


def trained_codecs(model: Model, objective: Objective) -> list[nn.Module] | None:
    """The codecs that an objective trains, or the outermost parts of them that are modules of its own.

    None if it trains anything else of the model.
    """
    trained = {id(p) for p in objective.module.parameters() if p.requires_grad}
    owned = {id(p) for codec in _codecs(model) for p in codec.parameters()}
    others = {id(p) for p in model.parameters()} - owned
    if trained & others:
        return None
    own = set(objective.module.modules())
    parts = [
        part
        for codec in _codecs(model)
        for part in _outermost(codec, own)
        if any(id(p) in trained for p in part.parameters())
    ]
    kept = {id(p) for part in parts for p in part.parameters()}
    assert trained & owned <= kept, "what an objective trains of a codec is the codec, or a module of it"
    return parts


def save_codecs(parts: Sequence[nn.Module], path: Path) -> None:
    """Writes all tensors of what ``trained_codecs`` found, statistics included."""
    tensors: dict[str, Tensor] = {}
    for number, part in enumerate(parts):
        tensors |= {f"{number}.{name}": tensor.cpu().contiguous() for name, tensor in tensors_of(part).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        save_file(tensors, partial)


@torch.no_grad()
def put_codecs(model: Model, path: Path) -> None:
    """Puts what a file holds into the model's codecs. Raises CheckpointError if it has no place for it, or several."""
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"the trained codecs {path} cannot be read ({error}); delete it to train them") from error
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in stored.items():
        number, _, name = key.partition(".")
        parts.setdefault(number, {})[name] = tensor
    for tensors in parts.values():
        restore(_place(model, tensors, path), tensors)


def _codecs(model: Model) -> list[Codec]:
    """All but that of text, which nothing trains here."""
    return [model.modality(name).codec for name in model.modalities if name != TEXT]


def _outermost(part: nn.Module, own: set[nn.Module]) -> Iterator[nn.Module]:
    """``part`` if it is among ``own``, else those inside it that are and that no other of them holds."""
    if part in own:
        yield part
        return
    for child in part.children():
        yield from _outermost(child, own)


def _place(model: Model, tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """The one part of the model's codecs whose tensors have these names."""
    inside = [part for codec in _codecs(model) for part in codec.modules()]
    places = [part for part in inside if tensors_of(part).keys() == tensors.keys()]
    if len(places) != 1:
        raise CheckpointError(
            f"the trained codecs {path} are of another model: {len(places)} parts of this one's codecs have such "
            "tensors, expected one; delete the file to train them"
        )
    return places[0]
