"""A diffusion decoder: draws pictures that have given features, at any scale of a pyramid (PUMA, arXiv 2410.13861).

PUMA fine-tunes one SDXL for each scale. Here one small transformer serves all scales and is told which it is. It works
on pixels: its tokens are the patches of a noised picture behind the feature tokens of one scale, all seeing each other.

    x_t = t x + (1 - t) e                  the straight path, t from 0 (noise) to 1 (data)
    x^  = network(x_t, t, features)        the picture
    v^  = (x^ - x_t) / (1 - t)             its velocity; the loss is |v^ - (x - e)|^2 = |x^ - x|^2 / (1 - t)^2

Naming the picture and judging its velocity (Li and He 2025, arXiv 2511.13720) asks less of a narrow network than naming
the velocity, which holds all of the noise. The divisor 1 - t is kept at 0.05 or more, as there.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motet.bounds import check_bounds
from motet.codecs.features import axial_trunk, centres, together
from motet.codecs.patches import PLACE_BANDS, cut, join, patch_grid, place_features
from motet.diffusion.draws import draw_times
from motet.diffusion.guidance import guide
from motet.diffusion.path import Point, Straight, point_of
from motet.diffusion.solver import SOLVERS, SolverName, noises, solve
from motet.diffusion.time import shifted, sinusoid, visit_times
from motet.errors import ConfigError, ShapeError

TIME_FEATURES = 256
LEAST_LEFT = 0.05
"""The smallest divisor 1 - t of the loss."""


@dataclass(frozen=True)
class FeatureDecoderShape:
    """Size of a feature decoder, and how it is sampled."""

    dim: int = field(default=128, metadata={"help": "width of the decoder's transformer"})
    n_layers: int = field(default=4, metadata={"help": "blocks of the decoder"})
    n_heads: int = field(default=4, metadata={"help": "heads of the decoder"})
    shift: float = field(
        default=2.0, metadata={"help": "moves training and sampling times towards noise; 1: not at all"}
    )
    steps: int = field(default=20, metadata={"help": "solver steps of a drawing"})
    solver: SolverName = field(default="dpmpp_2m", metadata={"help": "euler, heun, ddim, dpmpp_2m or ancestral"})
    guidance: float = field(default=1.0, metadata={"help": "how strongly drawings follow the features (PUMA: 2)"})

    def __post_init__(self) -> None:
        check_bounds(self, "dim", "n_layers", "n_heads", low=1)
        if self.steps < 1:
            raise ConfigError(f"steps is {self.steps}; a solver needs at least one step")
        if self.shift <= 0:
            raise ConfigError(f"shift is {self.shift}; it must be positive, and 1 leaves times as they are")


class FeatureDecoder(nn.Module):
    """Features of one scale -> pictures, by rectified flow.

    channels: numbers in a feature token; patch: of the encoder, and so of the decoder; factors: by how much each scale
    is pooled, coarse to fine.
    """

    def __init__(self, channels: int, patch: int, factors: tuple[int, ...], shape: FeatureDecoderShape):
        super().__init__()
        self.patch = patch
        self.factors = tuple(factors)
        self.shape = shape
        self.path = Straight()
        dim, pixels = shape.dim, 3 * patch**2
        self.condition = nn.Linear(channels, dim)
        self.which = nn.Embedding(len(self.factors), dim)
        self.time = nn.Sequential(nn.Linear(TIME_FEATURES, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.project_in = nn.Linear(pixels, dim)
        self.place = nn.Linear(4 * PLACE_BANDS, dim, bias=False)
        self.noised = nn.Parameter(torch.zeros(dim))
        self.trunk = axial_trunk(dim, shape.n_layers, shape.n_heads)
        self.project_out = nn.Linear(dim, pixels)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def forward(
        self, x: Float[Tensor, "b 3 y x"], t: Float[Tensor, " b"], features: Float[Tensor, "b n c"], *, scale: int
    ) -> Float[Tensor, "b 3 y x"]:
        """The picture that is expected behind ``x`` at time ``t``. Raises ShapeError for another number of features."""
        p, factor = self.patch, self.factors[scale]
        grid = patch_grid(x.shape[2], x.shape[3], p)
        coarse = (grid[0] // factor, grid[1] // factor)
        n = coarse[0] * coarse[1]
        if features.shape[1] != n:
            raise ShapeError(f"scale {scale} of a grid of {grid} has {n} tokens; got {features.shape[1]}")
        seen = self.condition(features) + self.place(place_features(coarse).to(x.device))
        noised = self.project_in(cut(x, p)) + self.place(place_features(grid).to(x.device)) + self.noised
        about = self.time(sinusoid(t, TIME_FEATURES)) + self.which.weight[scale]
        h = torch.cat([seen, noised], 1) + about[:, None]
        h, _ = self.trunk.run(h, together(self.trunk, torch.cat([centres(grid, factor), centres(grid)]), h))
        return join(self.project_out(h[:, n:]).float(), grid, p)

    def draw_times(self, b: int, rng: torch.Generator) -> Float[Tensor, " b"]:
        """Training times: logit-normal, moved towards noise."""
        return shifted(draw_times(1, b, "logit_normal", rng)[0], self.shape.shift)

    def loss(
        self,
        pixels: Float[Tensor, "b 3 y x"],
        t: Float[Tensor, " b"],
        e: Float[Tensor, "b 3 y x"],
        features: Float[Tensor, "b n c"],
        *,
        scale: int,
    ) -> Float[Tensor, " b"]:
        """Mean squared error of each picture's velocity, times and noise given."""
        x_t = self.path.mix(pixels.flatten(1), e.flatten(1), t).view_as(pixels)
        wrong = (self(x_t, t, features, scale=scale) - pixels).square().flatten(1).mean(1)
        return wrong / (1 - t).clamp_min(LEAST_LEFT).square()

    # sampling; ``scale`` is an index into ``factors``

    def noise(self, b: int, grid: tuple[int, int], rng: torch.Generator) -> Float[Tensor, "b s 3 y x"]:
        """All the noise that ``sample`` needs: where it starts, and for the ancestral solver one more for each step."""
        n = noises(self.shape.solver, self.shape.steps)
        return torch.randn(b, n, 3, grid[0] * self.patch, grid[1] * self.patch, generator=rng)

    @torch.no_grad()
    def sample(
        self,
        features: Float[Tensor, "b n c"],
        noise: Float[Tensor, "b s 3 y x"],
        grid: tuple[int, int],
        *,
        scale: int,
        null: Float[Tensor, "n c"],
    ) -> Float[Tensor, "b 3 y x"]:
        """Pictures with these features: a function of its arguments. ``null``: what the unconditional branch sees."""
        size = (3, grid[0] * self.patch, grid[1] * self.patch)
        noise = noise.to(features.device).flatten(2)

        def denoise(x: Tensor, time: float) -> Point:
            t = x.new_full((len(x),), time)
            made = self(x.unflatten(1, size), t, features, scale=scale).flatten(1)
            if self.shape.guidance != 1.0:
                blank = null.expand(len(x), -1, -1)
                without = self(x.unflatten(1, size), t, blank, scale=scale).flatten(1)
                made = guide(made, without, self.shape.guidance)
            return point_of(self.path, "x0", made, x, t)

        times = visit_times(self.shape.steps, shift=self.shape.shift)
        solving = SOLVERS[self.shape.solver](noise[:, 0], times, self.path, noise[:, 1:].transpose(0, 1))
        return solve(solving, denoise).unflatten(1, size).clamp(-1, 1)
