"""Guidance: one formula, an interval of times, a schedule over tokens."""

import pytest
import torch

from motet.diffusion.guidance import Guidance, guide
from motet.errors import ConfigError


def test_guidance_goes_from_the_unconditional_past_the_conditional():
    c, u = torch.randn(3, 2), torch.randn(3, 2)
    torch.testing.assert_close(guide(c, u, 1.0), c)
    assert torch.equal(guide(c, u, 0.0), u)
    torch.testing.assert_close(guide(c, u, 3.0), 3 * c - 2 * u)


def test_outside_its_interval_guidance_is_1():
    guidance = Guidance(4.0, interval=(0.2, 0.6))
    assert [guidance.scale_at(t) for t in (0.0, 0.19, 0.2, 0.4, 0.6, 0.61, 1.0)] == [1, 1, 4, 4, 4, 1, 1]


def test_a_linear_schedule_grows_from_1_to_the_scale_over_a_span():
    guidance = Guidance(5.0, "linear", (0.1, 0.9))
    assert [guidance.at(p).scale for p in (0.0, 0.25, 0.5, 1.0)] == [1.0, 2.0, 3.0, 5.0]
    assert guidance.at(0.5).interval == (0.1, 0.9) and guidance.at(0.5).at(0.0).scale == 3.0
    assert Guidance(5.0).at(0.0).scale == 5.0


def test_scale_1_is_no_guidance_and_scale_0_is():
    assert not Guidance(1.0).active and Guidance(0.0).active and Guidance(2.0).active


@pytest.mark.parametrize("interval", [(0.5, 0.5), (0.7, 0.3), (-0.1, 1.0), (0.0, 1.1)])
def test_an_interval_that_is_none_is_refused(interval: tuple[float, float]):
    with pytest.raises(ConfigError, match="two increasing times"):
        Guidance(2.0, interval=interval)
