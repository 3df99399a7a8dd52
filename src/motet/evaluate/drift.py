"""Latent drift: do latents sampled on the model's own history keep the size and spread of true ones?

By position along the sequence, the mean length of a latent and its spread over the set, for
- `true`: the codec's latents of real pictures,
- `one_step`: samples drawn one step ahead from true history (teacher forcing), whose error cannot build up,
- `free`: free-running samples, whose error can.
An error that compounds shows as a curve that leaves the true one with position.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from motet.errors import DataError, ShapeError


@dataclass(frozen=True)
class Curve:
    """`norm[t]`: mean over the set of a latent's Euclidean length. `std[t]`: root of the mean over channels of the
    variance over the set, so what differs between positions is not counted as spread."""

    norm: Float[Tensor, "t"]
    std: Float[Tensor, "t"]

    def to_json(self) -> dict[str, list[float]]:
        """JSON-ready."""
        return {"norm": self.norm.tolist(), "std": self.std.tolist()}


class Apart(NamedTuple):
    """How far two curves stand apart: the mean over positions of the |log ratio| of norms, and of spreads.

    0.1 means about 10 % too large or too small. `last_*` is the same at the last position alone, signed.
    """

    norm: float
    std: float
    last_norm: float
    last_std: float


def apart(one: Curve, other: Curve) -> Apart:
    """`one` to `other`."""
    norm, std = (one.norm / other.norm).log(), (one.std / other.std).log()
    return Apart(float(norm.abs().mean()), float(std.abs().mean()), float(norm[-1]), float(std[-1]))


@dataclass(frozen=True)
class Drift:
    """The curves, and how far the free-running one stands from the others."""

    true: Curve
    free: Curve
    one_step: Curve | None = None

    @property
    def norm(self) -> float:
        """Mean |log ratio| of norms, free-running to true."""
        return apart(self.free, self.true).norm

    @property
    def std(self) -> float:
        """Mean |log ratio| of spreads, free-running to true."""
        return apart(self.free, self.true).std

    @property
    def from_one_step(self) -> Apart | None:
        """Free-running to one step ahead: what the model's own errors add up to, guidance and temperature apart."""
        return None if self.one_step is None else apart(self.free, self.one_step)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: the summary numbers, those to samples one step ahead apart, and every curve."""
        return {
            **apart(self.free, self.true)._asdict(),
            "from_one_step": None if self.from_one_step is None else self.from_one_step._asdict(),
            "true": self.true.to_json(),
            "free": self.free.to_json(),
            "one_step": None if self.one_step is None else self.one_step.to_json(),
        }


def drift(
    free: Float[Tensor, "n t c"], true: Float[Tensor, "m s e"], *, one_step: Float[Tensor, "k r d"] | None = None
) -> Drift:
    """Compares free-running latents with true ones, and with samples one step ahead if given. Counts may differ.

    Raises ShapeError if positions or channels differ, DataError for fewer than two rows, latents that are not finite,
    or a position where latents do not vary at all (a collapsed codec or sampler: the ratio has no value).
    """
    given = {"free": free, "true": true} | ({} if one_step is None else {"one_step": one_step})
    for name, latents in given.items():
        if latents.shape[1:] != true.shape[1:]:
            raise ShapeError(
                f"latents {name} are {list(latents.shape)}, true ones {list(true.shape)}: t and c must agree"
            )
    return Drift(**{name: curve(name, latents) for name, latents in given.items()})


def curve(name: str, latents: Float[Tensor, "n t c"]) -> Curve:
    """Norm and spread by position of latents that an error would call `name`. Raises DataError as `drift` does."""
    if len(latents) < 2:
        raise DataError(f"a spread needs at least 2 latents of a kind; {name} has {len(latents)}")
    if not bool(latents.isfinite().all()):
        raise DataError(f"latents {name} are not finite; the sampler has diverged")
    z = latents.detach().cpu().double()
    std = z.var(0).mean(-1).sqrt()
    if not bool((std > 0).all()):
        where = torch.nonzero(std <= 0).flatten().tolist()
        raise DataError(f"latents {name} do not vary at position(s) {where}; give different samples")
    return Curve(norm=z.norm(dim=-1).mean(0), std=std)
