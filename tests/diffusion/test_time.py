"""Diffusion times: visited and read."""

import math

import pytest
import torch

from motet.diffusion.time import sinusoid, visit_times


def test_visited_times_are_even_from_0_to_1():
    assert visit_times(4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert visit_times(1) == [0.0, 1.0]


def test_the_sinusoid_follows_its_formula():
    t = torch.tensor([0.0, 0.3, 0.9])
    made = sinusoid(t, 6)
    for i, time in enumerate(t.tolist()):
        for j in range(3):
            angle = 1000 * time / 10000 ** (j / 3)
            assert float(made[i, j]) == pytest.approx(math.cos(angle), abs=2e-4)
            assert float(made[i, 3 + j]) == pytest.approx(math.sin(angle), abs=2e-4)


def test_the_sinusoid_is_fp32_and_tells_neighbouring_times_apart_even_under_autocast():
    t = torch.arange(1000) / 1000
    with torch.autocast("cpu", torch.bfloat16):
        made = sinusoid(t, 64)
    assert made.dtype == torch.float32
    assert torch.equal(made, sinusoid(t, 64))
    assert torch.cdist(made[500:501], made[[499, 501]]).min() > 0.5
