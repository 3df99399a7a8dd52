"""The diffusion head: its loss by a loop, and what it learns to draw."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, NoReturn

import pytest
import torch

from motet.diffusion.draws import draw_noise, draw_times
from motet.diffusion.guidance import Guidance
from motet.diffusion.path import PATHS, Point, target_of
from motet.diffusion.solver import SolverName
from motet.diffusion.time import sinusoid
from motet.errors import ConfigError
from motet.heads.diffusion import Diffusion, DiffusionSampling, DiffusionShape
from motet.nn.compiler import forget_compiled

SMALL = DiffusionShape(width=16, n_layers=2, ffn_dim=24, draws=3)


def stirred(shape: DiffusionShape = SMALL, *, dim: int = 8, channels: int = 3) -> Diffusion:
    """A head with random weights; a fresh one predicts zero whatever it is given."""
    head = Diffusion(dim, channels, shape).requires_grad_(False)
    rng = torch.Generator().manual_seed(3)
    for parameter in head.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=rng) * parameter.shape[-1] ** -0.5)
    return head


@pytest.mark.parametrize("target", ["x0", "epsilon", "v", "flow"])
@pytest.mark.parametrize("path", PATHS)
def test_the_loss_is_a_mean_over_draws_of_each_token(path: str, target: str):
    head = stirred(replace(SMALL, path=path, target=target, start=0.05))
    h, value = torch.randn(4, 8), torch.randn(4, 3)
    made = head.loss(h, value, torch.Generator().manual_seed(7))
    rng = torch.Generator().manual_seed(7)
    t, e = draw_times(3, 4, "uniform", rng), draw_noise(3, (4, 3), rng)
    for i in range(4):
        total = 0.0
        for draw in range(3):
            time, noise = t[draw, i], e[draw, i]
            alpha, sigma = head.path.alpha(time), head.path.sigma(time)
            given = alpha * value[i] + sigma * noise
            condition = head.condition(h[i : i + 1])
            predicted = head(given[None], time[None], condition)[0]
            true = target_of(head.path, target, Point(value[i : i + 1], noise[None]), time[None])[0]
            total += float((predicted - true).square().mean())
        assert float(made[i]) == pytest.approx(total / 3, rel=1e-4)


def test_a_layer_is_modulated_by_shift_scale_and_gate():
    head = stirred()
    layer = head.denoiser.layers[0]
    x, c = torch.randn(2, 16), torch.randn(2, 16)
    shift, scale, gate = ((c / (1 + torch.exp(-c))) @ layer.modulation.weight.T).split(16, -1)
    normed = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    made = layer(x, layer.modulation(torch.nn.functional.silu(c)))
    torch.testing.assert_close(made, x + gate * layer.ffn(normed * (1 + scale) + shift))


def test_a_fresh_head_predicts_zero_and_its_layers_are_closed():
    head = Diffusion(8, 3, SMALL)
    layer, x, c = head.denoiser.layers[0], torch.randn(5, 16), torch.randn(5, 16)
    assert torch.equal(layer(x, layer.modulation(c)), x)
    assert not head(torch.randn(5, 3), torch.rand(5), c).any()


def test_the_condition_is_blind_to_the_scale_of_the_hidden_state_and_time_is_seen():
    head = stirred()
    h = torch.randn(5, 8) * 10
    torch.testing.assert_close(head.condition(h), head.condition(3 * h), atol=1e-4, rtol=1e-4)
    x, c = torch.randn(5, 3), head.condition(h)
    moved = head(x, torch.full((5,), 0.2), c) - head(x, torch.full((5,), 0.201), c)
    assert moved.abs().max() > 1e-5 and not torch.equal(
        sinusoid(torch.tensor([0.2]), 4), sinusoid(torch.tensor([0.201]), 4)
    )


@pytest.mark.parametrize("solver", ["euler", "heun", "ddim", "dpmpp_2m", "ancestral"])
@pytest.mark.parametrize("guidance", [Guidance(), Guidance(3.0), Guidance(3.0, interval=(0.3, 0.7))])
def test_latents_drawn_together_equal_latents_drawn_alone(solver: str, guidance: Guidance):
    head = stirred()
    how = DiffusionSampling(steps=4, solver=solver, guidance=guidance)
    h = torch.randn(2, 6, 8)
    noise = head.noise(6, how, torch.Generator().manual_seed(0))
    together = head.sample(h, noise, how)
    alone = torch.cat([head.sample(h[:, i : i + 1], noise[i : i + 1], how) for i in range(6)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert together.std() > 0.1


def test_euler_with_guidance_follows_a_loop_over_times():
    head = stirred()
    how = DiffusionSampling(steps=5, solver="euler", guidance=Guidance(2.5, interval=(0.3, 0.7)))
    h = torch.randn(2, 1, 8)
    noise = head.noise(1, how, torch.Generator().manual_seed(0))
    x = noise[:, 0]
    for i in range(5):
        t = i / 5
        speeds = [head(x, torch.tensor([t]), head.condition(h[branch])) for branch in range(2)]
        scale = 2.5 if 0.3 <= t <= 0.7 else 1.0
        x = x + (speeds[1] + scale * (speeds[0] - speeds[1])) / 5
    torch.testing.assert_close(head.sample(h, noise, how), x, atol=1e-5, rtol=1e-5)


def test_sampling_begins_at_start_where_an_epsilon_still_says_something_of_the_data():
    head = stirred(replace(SMALL, target="epsilon", start=0.2, shift=2.0))
    how, h = DiffusionSampling(steps=3, solver="ddim"), torch.randn(1, 1, 8)
    noise = head.noise(1, how, torch.Generator().manual_seed(0))
    x, times = noise[:, 0], [0.2 + 0.8 * t / (t + 2 * (1 - t)) for t in (0.0, 1 / 3, 2 / 3, 1.0)]
    for now, then in pairwise(times):
        e = head(x, torch.tensor([now]), head.condition(h[0]))
        x = then * (x - (1 - now) * e) / now + (1 - then) * e
    torch.testing.assert_close(head.sample(h, noise, how), x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("solver", ["ancestral", "dpmpp_2m"])
def test_temperature_scales_the_fresh_noise_of_ancestral_steps_and_the_start_of_other_solvers(solver: SolverName):
    head, h = stirred(), torch.randn(1, 2, 8)
    plain = DiffusionSampling(steps=3, solver=solver)
    noise = head.noise(2, plain, torch.Generator().manual_seed(0))
    scaled = noise.clone()
    if solver == "ancestral":
        scaled[:, 1:] /= 2
    else:
        scaled /= 2
    made = head.sample(h, noise, replace(plain, temperature=0.5))
    torch.testing.assert_close(made, head.sample(h, scaled, plain))
    assert not torch.allclose(made, head.sample(h, noise, plain))


def test_guidance_without_an_unconditional_branch_is_an_error():
    head, how = stirred(), DiffusionSampling(guidance=Guidance(3.0))
    with pytest.raises(ConfigError, match="needs an unconditional branch"):
        head.sample(torch.randn(1, 2, 8), head.noise(2, how, torch.Generator()), how)


class Compiled(Exception):
    """Compiled code was run."""


def test_a_compiled_head_draws_by_plain_code_and_is_forgotten_whole(monkeypatch: pytest.MonkeyPatch):
    def run(*args: Any) -> NoReturn:
        raise Compiled

    monkeypatch.setattr(torch, "compile", lambda function, **how: run)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    head, h, value, how = stirred(), torch.randn(2, 8), torch.randn(2, 3), DiffusionSampling(steps=2)
    plain = head.loss(h, value, torch.Generator().manual_seed(7))
    head.compile_parts()
    with pytest.raises(Compiled):
        head.loss(h, value, torch.Generator().manual_seed(7))
    assert head.sample(h[None], head.noise(2, how, torch.Generator().manual_seed(0)), how).shape == (2, 3)
    forget_compiled(head)
    assert torch.equal(head.loss(h, value, torch.Generator().manual_seed(7)), plain)


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (DiffusionShape, {"path": "curved"}, "unknown diffusion path 'curved'; expected one of: straight, cosine"),
        (DiffusionShape, {"draws": 0}, "at least one"),
        (DiffusionShape, {"target": "epsilon"}, "sampling cannot begin there; set start above 0"),
        (DiffusionShape, {"start": 1.0}, "start is 1.0"),
        (DiffusionShape, {"shift": 0.0}, "shift is 0.0"),
        (DiffusionSampling, {"steps": 0}, "at least one step"),
    ],
)
def test_settings_that_cannot_work_are_refused(kind: type, wrong: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        kind(**wrong)


@pytest.mark.parametrize(("target", "path"), [("flow", "straight"), ("v", "straight")])
def test_a_trained_head_draws_both_modes_of_each_condition(target: str, path: str):
    """h says where the pair of modes lies; the noise decides which of the two is drawn."""
    torch.manual_seed(1)
    head = Diffusion(2, 1, DiffusionShape(width=48, n_layers=2, ffn_dim=96, target=target, path=path, draws=4))
    optimizer = torch.optim.Adam(head.parameters(), lr=5e-3)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=300)
    rng = torch.Generator().manual_seed(0)
    conditions, centres = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([-1.0, 1.0])
    for _ in range(300):
        which = torch.randint(2, (128,), generator=rng)
        side = torch.randint(2, (128,), generator=rng) * 2.0 - 1
        value = (centres[which] + 0.7 * side)[:, None]
        loss = head.loss(conditions[which], value, rng).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    how = DiffusionSampling(steps=20, solver="heun")
    with torch.no_grad():
        for condition, centre in zip(conditions, centres.tolist(), strict=True):
            noise = head.noise(500, how, torch.Generator().manual_seed(5))
            away = head.sample(condition.expand(1, 500, 2), noise, how)[:, 0] - centre
            near = (away.abs() - 0.7).abs() < 0.35
            assert near.float().mean() > 0.85
            assert 0.3 < float((away > 0).float().mean()) < 0.7
