"""The head that is one linear map."""

import pytest
import torch

from motet.diffusion.guidance import Guidance
from motet.errors import ConfigError
from motet.heads.diffusion import DiffusionSampling
from motet.heads.head import Wishes
from motet.heads.velocity import Velocity


def stirred() -> Velocity:
    head = Velocity(6, 3).requires_grad_(False)
    head.out.weight.normal_()
    head.out.bias.normal_()
    return head


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_fresh_head_predicts_zero_so_its_loss_is_the_mean_square_of_the_target():
    value = torch.randn(4, 3)
    torch.testing.assert_close(Velocity(6, 3).loss(torch.randn(4, 6), value, rng()), value.square().mean(-1))


def test_the_loss_is_the_mean_square_of_what_is_left_over_for_each_prediction():
    head, h, value = stirred(), torch.randn(5, 6), torch.randn(5, 3)
    made = h @ head.out.weight.T + head.out.bias
    expected = [
        sum(float(a - b) ** 2 for a, b in zip(*pair, strict=True)) / 3 for pair in zip(made, value, strict=True)
    ]
    assert head.loss(h, value, rng()).tolist() == pytest.approx(expected, rel=1e-4)


def test_sampling_guides_the_prediction_and_draws_nothing():
    head, h = stirred(), torch.randn(2, 4, 6)
    how = DiffusionSampling(guidance=Guidance(3.0))
    noise = head.noise(4, how, rng())
    assert noise.shape == (4, 0)
    conditional, unconditional = head.out(h[0]), head.out(h[1])
    torch.testing.assert_close(head.sample(h, noise, how), unconditional + 3.0 * (conditional - unconditional))


def test_without_guidance_the_first_branch_alone_counts():
    head, h = stirred(), torch.randn(2, 4, 6)
    assert torch.equal(head.sample(h, torch.empty(4, 0), DiffusionSampling()), head.out(h[0]))


def test_guidance_without_its_second_branch_is_refused():
    with pytest.raises(ConfigError, match="needs an unconditional branch"):
        stirred().sample(torch.randn(1, 4, 6), torch.empty(4, 0), DiffusionSampling(guidance=Guidance(2.0)))


def test_settings_keep_every_wish_about_diffusion():
    how = Velocity(6, 3).settings(Wishes(Guidance(2.0), 0.7, 5, "heun"))
    assert (how.guidance.scale, how.temperature, how.steps, how.solver) == (2.0, 0.7, 5, "heun")
