"""LatentLM's per-token diffusion head: a small adaLN-Zero MLP that denoises one latent, given one hidden state.

LatentLM (arXiv 2412.08635, section 3.1 and its code): condition ``c = W RMSNorm(h) + MLP(sinusoid(t))``; each layer is
``x += gate * SwiGLU(RMSNorm(x) (1 + scale) + shift)`` with (shift, scale, gate) a zero-initialised projection of c;
the last norm is modulated and the output projection starts at zero. Several (t, e) draws share one hidden state, since
the backbone is the expensive part. The loss is the mean squared error of the prediction target over the channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from motet.bounds import check_bounds
from motet.diffusion.draws import draw_noise
from motet.diffusion.guidance import Guidance, guide
from motet.diffusion.path import PATHS, Point, point_of, target_of
from motet.diffusion.process import Process
from motet.diffusion.solver import SOLVERS, SolverName, noises, solve, tempered
from motet.diffusion.time import sinusoid
from motet.errors import ConfigError
from motet.heads.head import Head, Wishes
from motet.nn.ffn import SwiGLU
from motet.nn.norm import RMSNorm


@dataclass(frozen=True)
class DiffusionShape(Process):
    """Size and kind of a diffusion head."""

    width: int = field(default=256, metadata={"help": "width of the head's MLP"})
    n_layers: int = field(default=3, metadata={"help": "layers of the head's MLP"})
    ffn_dim: int = field(default=512, metadata={"help": "hidden width of each layer"})
    draws: int = field(default=4, metadata={"help": "(time, noise) draws for each hidden state in training"})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, "width", "n_layers", "ffn_dim", low=1)
        if self.draws < 1:
            raise ConfigError(f"draws is {self.draws}; at least one (time, noise) draw is needed for each token")


@dataclass(frozen=True)
class DiffusionSampling:
    """How a latent is drawn: solver, its steps, guidance, and the scale of all injected noise."""

    steps: int = 10
    solver: SolverName = "dpmpp_2m"
    guidance: Guidance = Guidance()
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps is {self.steps}; a solver needs at least one step")
        if self.solver not in SOLVERS:
            raise ConfigError(f"unknown solver {self.solver!r}; expected one of: {', '.join(SOLVERS)}")


READ_BY_SOLVERS = frozenset({"guidance", "guidance_interval", "temperature", "steps", "solver"})
"""Sampling settings of whatever is drawn by a solver."""

TIME_FEATURES = 256


class ModulatedLayer(nn.Module):
    """One residual layer of the head."""

    def __init__(self, width: int, ffn_dim: int):
        super().__init__()
        self.norm = RMSNorm(width, affine=False)
        self.ffn = SwiGLU(width, ffn_dim)
        nn.init.normal_(self.ffn.down.weight, std=ffn_dim**-0.5)  # the zero-initialised gate closes the layer instead
        self.modulation = nn.Linear(width, 3 * width, bias=False)
        nn.init.zeros_(self.modulation.weight)

    def forward(self, x: Float[Tensor, "*k w"], modulation: Float[Tensor, "*j m"]) -> Float[Tensor, "*i w"]:
        shift, scale, gate = modulation.chunk(3, -1)
        return x + gate * self.ffn(self.norm(x) * (1 + scale) + shift)


class Denoiser(nn.Module):
    """The network of the head: ``(x_t, modulations) -> prediction``.

    Modulations follow from time and condition alone, so sampling makes those of all its times at once.
    """

    def __init__(self, dim: int, channels: int, shape: DiffusionShape):
        super().__init__()
        width = shape.width
        self.condition_norm = RMSNorm(dim, affine=False)
        self.condition = nn.Linear(dim, width, bias=False)
        self.time = nn.Sequential(
            nn.Linear(TIME_FEATURES, width, bias=False), nn.SiLU(), nn.Linear(width, width, bias=False)
        )
        self.project_in = nn.Linear(channels, width, bias=False)
        self.layers = nn.ModuleList(ModulatedLayer(width, shape.ffn_dim) for _ in range(shape.n_layers))
        self.last_norm = RMSNorm(width, affine=False)
        self.last_modulation = nn.Linear(width, 2 * width, bias=False)
        self.project_out = nn.Linear(width, channels, bias=False)
        nn.init.zeros_(self.last_modulation.weight)
        nn.init.zeros_(self.project_out.weight)

    def modulations(self, t: Float[Tensor, "*k"], condition: Float[Tensor, "*j w"]) -> list[Float[Tensor, "*i _"]]:
        """Of each layer, and of the last norm; ``t`` and ``condition`` are broadcast together."""
        c = silu(condition + self.time(sinusoid(t, TIME_FEATURES)))
        made = []
        for layer in self.layers:
            assert isinstance(layer, ModulatedLayer)
            made.append(layer.modulation(c))
        return [*made, self.last_modulation(c)]

    def forward(self, x: Float[Tensor, "*k c"], modulations: Sequence[Float[Tensor, "*j _"]]) -> Float[Tensor, "*i c"]:
        """``x`` and modulations are broadcast together: both branches of guidance look at one noised value."""
        x = self.project_in(x)
        for layer, modulation in zip(self.layers, modulations, strict=False):
            x = layer(x, modulation)
        shift, scale = modulations[-1].chunk(2, -1)
        return self.project_out(self.last_norm(x) * (1 + scale) + shift)


class Diffusion(Head):
    """A diffusion over one latent of ``channels`` numbers, conditioned on one hidden state."""

    reads = READ_BY_SOLVERS

    def __init__(self, dim: int, channels: int, shape: DiffusionShape):
        super().__init__()
        self.channels = channels
        self.shape = shape
        self.passes = shape.draws
        self.path = PATHS[shape.path]()
        self.denoiser = Denoiser(dim, channels, shape)

    def loss(self, h: Float[Tensor, "k d"], value: Float[Tensor, "k c"], rng: torch.Generator) -> Float[Tensor, " k"]:
        k, draws = value.shape[0], self.shape.draws
        t = self.shape.draw_times(draws, k, rng).T.flatten().to(value.device)
        e = draw_noise(draws, (k, self.channels), rng).transpose(0, 1).flatten(0, 1).to(value.device)
        return self.loss_at(h, value, t, e).view(k, draws).mean(1)

    def loss_at(
        self, h: Float[Tensor, "k d"], value: Float[Tensor, "k c"], t: Float[Tensor, " m"], e: Float[Tensor, "m c"]
    ) -> Float[Tensor, " m"]:
        """Loss of each of ``m = k * draws`` draws, where times and noise are given: no randomness, so it compiles."""
        draws = t.shape[0] // value.shape[0]
        x = value.repeat_interleave(draws, 0)
        condition = self.condition(h).repeat_interleave(draws, 0)
        prediction = self(self.path.mix(x, e, t), t, condition)
        return (prediction.float() - target_of(self.path, self.shape.target, Point(x, e), t)).square().mean(-1)

    def forward(
        self, x: Float[Tensor, "k c"], t: Float[Tensor, " k"], condition: Float[Tensor, "k w"]
    ) -> Float[Tensor, "k c"]:
        """The prediction target at noised values of these times: all that training runs of the head's network."""
        return self.denoiser(x, self.denoiser.modulations(t, condition))

    def condition(self, h: Float[Tensor, "*k d"]) -> Float[Tensor, "*k w"]:
        return self.denoiser.condition(self.denoiser.condition_norm(h))

    def noise(self, k: int, how: DiffusionSampling, rng: torch.Generator) -> Float[Tensor, "k s c"]:
        """The initial noise, and for the ancestral solver one more for each step."""
        return torch.randn(k, noises(how.solver, how.steps), self.channels, generator=rng)

    def sample(
        self, h: Float[Tensor, "branches k d"], noise: Float[Tensor, "k s c"], how: DiffusionSampling
    ) -> Float[Tensor, "k c"]:
        if how.guidance.active and len(h) < 2:
            raise ConfigError("guidance needs an unconditional branch, and this request has none")
        condition = self.condition(h[: 2 if how.guidance.active else 1])
        times = self.shape.visits(how.steps)
        looks = torch.tensor(times[:-1], device=h.device)  # the last one is clean data, where no solver looks
        modulations = [made.unbind() for made in self.denoiser.modulations(looks[:, None, None], condition)]
        at = {time: [made[step] for made in modulations] for step, time in enumerate(times[:-1])}
        start, fresh = tempered(noise.to(h.device).transpose(0, 1), how.temperature)

        def denoise(x: Tensor, time: float) -> Point:
            t = torch.full((x.shape[0],), time, device=x.device)
            scale = how.guidance.scale_at(time)
            if scale == 1.0:
                prediction = self.denoiser(x, [made[0] for made in at[time]])
            else:
                conditional, unconditional = self.denoiser(x, at[time])
                prediction = guide(conditional, unconditional, scale)
            return point_of(self.path, self.shape.target, prediction.float(), x, t)

        solving = SOLVERS[how.solver](start, times, self.path, fresh)
        return solve(solving, denoise)

    def settings(self, wishes: Wishes) -> DiffusionSampling:
        return DiffusionSampling(wishes.steps, wishes.solver, wishes.guidance, wishes.temperature)

    def compile_parts(self) -> None:
        self.compile(dynamic=True)
