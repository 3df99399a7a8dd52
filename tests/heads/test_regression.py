"""The head that tells what is expected."""

import pytest
import torch

from motet.diffusion.guidance import Guidance
from motet.errors import ConfigError
from motet.heads.head import Wishes
from motet.heads.regression import Regression, RegressionSampling


def stirred() -> Regression:
    head = Regression(6, 3).requires_grad_(False)
    head.out.weight.normal_()
    head.out.bias.normal_()
    return head


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_loss_is_the_mean_square_of_what_is_left_over_for_each_prediction():
    head, h, value = stirred(), torch.randn(5, 6), torch.randn(5, 3)
    made = h @ head.out.weight.T + head.out.bias
    expected = [
        sum(float(a - b) ** 2 for a, b in zip(*pair, strict=True)) / 3 for pair in zip(made, value, strict=True)
    ]
    assert head.loss(h, value, rng()).tolist() == pytest.approx(expected, rel=1e-4)


def test_what_is_learned_of_two_answers_to_one_state_is_their_mean():
    head, h = Regression(4, 2), torch.ones(2, 4)
    answers = torch.tensor([[1.0, -2.0], [3.0, 4.0]])
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        head.loss(h, answers, rng()).mean().backward()
        optimizer.step()
    with torch.no_grad():
        told = head.sample(h[None, :1], head.noise(1, RegressionSampling(), rng()), RegressionSampling())
    torch.testing.assert_close(told, answers.mean(0, keepdim=True), atol=1e-3, rtol=1e-3)


def test_guidance_moves_the_prediction_away_from_the_unconditional_one():
    head, h = stirred(), torch.randn(2, 4, 6)
    how = head.settings(Wishes(Guidance(3.0)))
    conditional, unconditional = head.out(h[0]), head.out(h[1])
    made = head.sample(h, head.noise(4, how, rng()), how)
    torch.testing.assert_close(made, unconditional + 3.0 * (conditional - unconditional))


def test_without_guidance_the_first_branch_alone_counts():
    head, h = stirred(), torch.randn(2, 4, 6)
    assert torch.equal(head.sample(h, torch.empty(4, 0), RegressionSampling()), head.out(h[0]))


def test_guidance_without_its_second_branch_is_refused():
    with pytest.raises(ConfigError, match="needs an unconditional branch"):
        stirred().sample(torch.randn(1, 4, 6), torch.empty(4, 0), RegressionSampling(Guidance(2.0)))
