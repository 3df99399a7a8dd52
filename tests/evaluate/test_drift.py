"""Latent drift of sequences whose drift is known."""

import json
import math

import pytest
import torch

from motet.errors import DataError, ShapeError
from motet.evaluate.drift import drift


def latents(n: int = 40, t: int = 6, c: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, t, c, generator=torch.Generator().manual_seed(seed)).double()


def test_latents_scaled_by_a_factor_drift_by_its_logarithm() -> None:
    true = latents()
    found = drift(true * 1.2, true)
    assert found.norm == pytest.approx(math.log(1.2)) and found.std == pytest.approx(math.log(1.2))
    assert drift(true / 1.2, true).std == pytest.approx(math.log(1.2)), "shrinking counts like growing"
    assert drift(true / 1.2, true).to_json()["last_std"] == pytest.approx(-math.log(1.2))


def test_the_true_latents_themselves_do_not_drift() -> None:
    found = drift(latents(), latents())
    assert found.norm == 0 and found.std == 0


def test_the_curves_are_the_norm_and_the_spread_at_each_position() -> None:
    true = latents()
    growing = true * torch.linspace(1, 2, 6)[:, None] + 3
    found = drift(growing, true, one_step=true[:10]).free
    for t in range(6):
        rows = growing[:, t]
        expected_norm = sum(math.sqrt(float((row**2).sum())) for row in rows) / len(rows)
        expected_std = math.sqrt(sum(float(rows[:, c].var()) for c in range(5)) / 5)
        assert found.norm[t].item() == pytest.approx(expected_norm)
        assert found.std[t].item() == pytest.approx(expected_std)


def test_a_shift_of_a_whole_position_is_not_spread() -> None:
    true = latents()
    assert drift(true + 10 * torch.arange(6)[:, None], true).std == pytest.approx(0, abs=1e-9)


def test_drift_from_one_step_is_of_the_free_latents_to_those_behind_true_ones() -> None:
    true = latents()
    found = drift(true * 0.6, true, one_step=true * 0.5)
    assert found.from_one_step is not None
    assert found.from_one_step == pytest.approx([math.log(1.2)] * 4), "guidance had halved both"
    assert found.to_json()["from_one_step"]["norm"] == pytest.approx(math.log(1.2))
    assert drift(true, true).from_one_step is None


def test_the_result_is_ready_for_json() -> None:
    found = json.loads(json.dumps(drift(latents(), latents(seed=1), one_step=latents(seed=2)).to_json()))
    assert len(found["one_step"]["norm"]) == 6 and found["std"] > 0


def test_latents_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ShapeError, match="must agree"):
        drift(latents(t=5), latents())
    with pytest.raises(DataError, match="do not vary"):
        drift(torch.ones(4, 6, 5).double(), latents())
    with pytest.raises(DataError, match="at least 2"):
        drift(latents(n=1), latents())
    with pytest.raises(DataError, match="not finite"):
        drift(latents() / 0, latents())
