"""Trained codecs in a file of their own, so that many runs start from the same one, bit for bit.

One safetensors file holds the tensors of one or more codecs of a model, named ``<modality>.<tensor>``.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from motet.errors import CheckpointError
from motet.model import TEXT, Model
from motet.train.checkpoint import restore, tensors_of
from motet.train.objective import Objective
from motet.whole import whole


def trained_codecs(model: Model, objective: Objective) -> list[str] | None:
    """Modalities whose codecs an objective trains; None if it trains anything else of the model."""
    trained = {id(p) for p in objective.module.parameters() if p.requires_grad}
    owners = {name: {id(p) for p in model.modality(name).codec.parameters()} for name in model.modalities}
    others = {id(p) for p in model.parameters()}.difference(*owners.values())
    if trained & (others | owners[TEXT]):
        return None
    return [name for name, owned in owners.items() if trained & owned]


def save_codecs(model: Model, modalities: Sequence[str], path: Path) -> None:
    """Writes all tensors of these modalities' codecs, statistics included."""
    tensors: dict[str, Tensor] = {}
    for name in modalities:
        codec = model.modality(name).codec
        tensors |= {f"{name}.{key}": tensor.cpu().contiguous() for key, tensor in tensors_of(codec).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        save_file(tensors, partial)


@torch.no_grad()
def put_codecs(model: Model, path: Path) -> None:
    """Puts the codecs of a file into the model. Raises CheckpointError if they are not this model's."""
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"the trained codecs {path} cannot be read ({error}); delete it to train them") from error
    by_modality: dict[str, dict[str, Tensor]] = {}
    for key, tensor in stored.items():
        name, _, rest = key.partition(".")
        by_modality.setdefault(name, {})[rest] = tensor
    for name, tensors in by_modality.items():
        restore(model.modality(name).codec, tensors)
