"""The rotary frequencies of Llama-shaped checkpoints, and how they are stretched beyond the first training's length.

They are computed in fp32 and in the order of `transformers`: at position 4,000 an angle that was rounded otherwise is
off by 4e-4, and logits by more than 1e-4.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from motet.errors import CapabilityError, CheckpointError
from motet.nn.rope import Rope

Settings = Mapping[str, Any]


def rope_settings(config: Settings) -> Settings:
    """Newer configs keep all rotary settings in `rope_parameters`, older ones the scaling in `rope_scaling`."""
    return config.get("rope_parameters") or config.get("rope_scaling") or {}


def rope_theta(config: Settings) -> float:
    """The base of the frequencies."""
    return float(rope_settings(config).get("rope_theta") or config.get("rope_theta") or 10000.0)


def stretched_rope(config: Settings, head_dim: int) -> Rope:
    """The rotary positions that a config describes.

    Raises CapabilityError for a kind of stretching that is not supported, CheckpointError if one of its numbers is
    missing.
    """
    settings, theta = rope_settings(config), rope_theta(config)
    kind = settings.get("rope_type", settings.get("type", "default"))
    if kind not in ("default", "linear", "llama3", "yarn"):
        raise CapabilityError(f"rope scaling {kind!r} is not supported; these kinds are: default, linear, llama3, yarn")
    if settings.get("partial_rotary_factor", 1.0) != 1.0:
        raise CapabilityError("partial_rotary_factor is not 1: channels that do not rotate are not supported")
    rope = Rope(head_dim, theta=theta)
    plain = 1.0 / (theta ** (torch.arange(0, head_dim, 2, dtype=torch.float) / head_dim))
    if kind == "linear":
        plain = plain / _number(settings, "factor")
    elif kind == "llama3":
        plain = llama3_stretch(plain, settings)
    elif kind == "yarn":
        plain = yarn_stretch(plain, {"original_max_position_embeddings": _trained(config)} | dict(settings), theta)
        rope.length = yarn_length(settings)
    rope.frequencies.copy_(plain)
    return rope


def llama3_stretch(frequencies: Float[Tensor, " e"], settings: Settings) -> Float[Tensor, " e"]:
    """Llama 3.1's stretch (Dubey et al. 2024): slow frequencies are divided by ``factor``, fast ones stay.

    In between, the share that stays grows linearly with the number of turns within the original context.
    """
    length, factor = _number(settings, "original_max_position_embeddings"), _number(settings, "factor")
    low, high = _number(settings, "low_freq_factor"), _number(settings, "high_freq_factor")
    wavelength = 2 * math.pi / frequencies
    stays = (length / wavelength - low) / (high - low)
    between = (1 - stays) * frequencies / factor + stays * frequencies
    slow, fast = wavelength > length / low, wavelength < length / high
    return torch.where(slow, frequencies / factor, torch.where(fast, frequencies, between))


def yarn_stretch(frequencies: Float[Tensor, " e"], settings: Settings, theta: float) -> Float[Tensor, " e"]:
    """YaRN (Peng et al. 2023, arXiv 2309.00071, section 3.2): as above, linear in the number of a pair of channels.

    Pairs that turn more than ``beta_fast`` times within the original context stay, those of less than ``beta_slow``
    turns are divided by ``factor``.
    """
    length, factor = _number(settings, "original_max_position_embeddings"), _number(settings, "factor")
    n = len(frequencies)

    def pair_of(turns: float) -> float:
        return n * math.log(length / (turns * 2 * math.pi)) / math.log(theta)

    first, last = pair_of(settings.get("beta_fast") or 32), pair_of(settings.get("beta_slow") or 1)
    if settings.get("truncate", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, 2 * n - 1)
    last += 0.001 if first == last else 0
    stays = 1 - ((torch.arange(n, dtype=torch.float32) - first) / (last - first)).clamp(0, 1)
    return 1.0 / (factor * (1.0 / frequencies)) * (1 - stays) + frequencies * stays


def yarn_length(settings: Settings) -> float:
    """What YaRN multiplies queries and keys by, so that attention over more keys stays as sharp (section 3.4)."""
    if settings.get("attention_factor") is not None:
        return _number(settings, "attention_factor")
    factor, part, whole = _number(settings, "factor"), settings.get("mscale"), settings.get("mscale_all_dim")

    def sharp(scale: float) -> float:
        return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0

    return sharp(part) / sharp(whole) if part and whole else sharp(1.0)


def _trained(config: Settings) -> Any:
    """The length of the first training, where the rotary settings do not say it themselves."""
    return config.get("original_max_position_embeddings") or config.get("max_position_embeddings")


def _number(settings: Settings, key: str) -> float:
    value = settings.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise CheckpointError(
            f"the config's rotary settings have {key}={value!r}; expected a positive number beside "
            f"rope_type={settings.get('rope_type', settings.get('type'))!r}"
        )
    return float(value)
