"""Hugging Face folders: config.json, tokenizer.json, and model.safetensors or its shards. No transformers needed."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from motet.errors import CheckpointError

INDEX = "model.safetensors.index.json"


class Pretrained(NamedTuple):
    """What a checkpoint holds; begin and end are the tokens that its tokenizer names so, if it names any.

    weights: read when they are asked for, since a config may already say that they cannot be used.
    """

    config: dict[str, Any]
    weights: Callable[[], dict[str, Tensor]]
    tokenizer: Tokenizer
    begin: str | None
    end: str | None


def read_folder(folder: Path) -> Pretrained:
    """All of a folder. Raises CheckpointError, naming the file, if one is missing or damaged; so does ``weights()``."""
    config = _json(folder / "config.json")
    extra = folder / "tokenizer_config.json"
    named = _json(extra) if extra.is_file() else {}

    def token(key: str) -> str | None:
        found = named.get(key)
        return found["content"] if isinstance(found, dict) else found

    return Pretrained(config, partial(_weights, folder), _tokenizer(folder), token("bos_token"), token("eos_token"))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"no {path.name} in {path.parent}; expected a Hugging Face folder") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}); copy the folder again") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}; expected an object")
    return found


def _weights(folder: Path) -> dict[str, Tensor]:
    files = [folder / "model.safetensors"]
    if not files[0].is_file():
        if not (folder / INDEX).is_file():
            raise CheckpointError(f"no model.safetensors nor {INDEX} in {folder}; save the model in that form")
        files = [folder / name for name in sorted(set(_json(folder / INDEX).get("weight_map", {}).values()))]
    weights: dict[str, Tensor] = {}
    for file in files:
        try:
            weights.update(load_file(file))
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"cannot read {file} ({error}); copy the folder again") from error
    return weights


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(f"no tokenizer.json in {folder}; save the model's fast tokenizer there")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise CheckpointError(f"cannot read {path} ({error}); copy the folder again") from error
