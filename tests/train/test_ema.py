"""The moving average against its formula, and the swap."""

import pytest
import tiny_objective as tiny
import torch
from torch import nn

from motet.errors import CheckpointError
from motet.train.averaged import averaged
from motet.train.ema import Ema
from motet.train.hardware import Machine


def test_the_average_follows_its_formula_from_a_short_memory_to_a_long_one() -> None:
    module = nn.Linear(2, 2, bias=False)
    ema = Ema(module, 0.5)
    expected = module.weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            module.weight.fill_(step)
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    torch.testing.assert_close(ema.state()["weight"], expected)


def test_without_decay_the_average_is_the_weights() -> None:
    module = nn.Linear(3, 3)
    ema = Ema(module, 0.0)
    with torch.no_grad():
        module.weight.normal_()
    ema.update(0)
    assert torch.equal(ema.state()["weight"], module.weight)


def test_the_weights_come_back_after_an_error_and_frozen_ones_never_leave() -> None:
    model = tiny.TinyModel()
    model.embed.requires_grad_(False)
    ema = Ema(model, 0.9)
    with torch.no_grad():
        model.norm.weight.fill_(5.0)
    with pytest.raises(KeyError), ema.swapped():
        assert model.norm.weight.sum() == 8.0
        raise KeyError
    assert model.norm.weight.sum() == 40.0
    assert "embed.weight" not in ema.state()
    ema.adopt()
    assert model.norm.weight.sum() == 8.0


def test_looking_gives_each_part_its_own_mode_back() -> None:
    model = tiny.TinyModel()
    model.blocks[1].eval()
    machine = Machine(torch.device("cpu"), bf16=True, compile=False, why={}, peak_flops=1.0)
    with averaged(Ema(model, 0.9), machine):
        assert not model.training and not torch.is_grad_enabled()
        assert nn.functional.linear(torch.ones(1, 2), torch.ones(2, 2)).dtype == torch.bfloat16
    assert model.training and model.blocks[0].training and not model.blocks[1].training
    assert torch.is_grad_enabled()


def test_averages_of_another_model_are_refused() -> None:
    with pytest.raises(CheckpointError, match="bias"):
        Ema(nn.Linear(2, 2), 0.9).load({"weight": torch.zeros(2, 2)})
