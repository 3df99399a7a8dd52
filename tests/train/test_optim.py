"""The optimisers against their formulas, and the rule of who gets which."""

import pytest
import tiny_objective as tiny
import torch
from torch import nn

from motet.errors import CheckpointError, ConfigError
from motet.train.optim import Optimizers, assign


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.inward = nn.Linear(4, 4)
        self.conv = nn.Conv2d(3, 4, 2)
        self.blocks = nn.ModuleList([nn.ModuleDict({"up": nn.Linear(4, 8), "norm": nn.LayerNorm(4)})])
        self.tables = nn.ModuleList([nn.Embedding(3, 4)])
        self.frozen = nn.Linear(2, 2).requires_grad_(False)
        self.head = nn.Linear(4, 9, bias=False)
        self.head.weight = self.embed.weight


def set_gradients(module: nn.Module, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn(parameter.shape, generator=rng)


def test_matrices_of_blocks_go_to_muon_and_vectors_are_not_decayed() -> None:
    assert assign(Everything()) == {
        "embed.weight": "decayed",
        "inward.weight": "decayed",
        "inward.bias": "vectors",
        "conv.weight": "decayed",
        "conv.bias": "vectors",
        "blocks.0.up.weight": "muon",
        "blocks.0.up.bias": "vectors",
        "blocks.0.norm.weight": "vectors",
        "blocks.0.norm.bias": "vectors",
        "tables.0.weight": "decayed",
    }


def test_adamw_follows_its_formula_and_spares_vectors_the_decay() -> None:
    module = Everything()
    settings = tiny.settings(optimizer="adamw", weight_decay=0.1, betas=(0.8, 0.9))
    optimizers = Optimizers(module, settings)
    mine = {n: (p.detach().double(), 0.0, 0.0) for n, p in module.named_parameters() if p.requires_grad}
    for step, lr in enumerate((0.01, 0.02), start=1):
        set_gradients(module, step)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None
                weight, mean, square = mine[name]
                grad = parameter.grad.double()
                mean, square = 0.8 * mean + 0.2 * grad, 0.9 * square + 0.1 * grad**2
                weight = weight * (1 - lr * 0.1) if parameter.ndim > 1 else weight
                weight = weight - lr * (mean / (1 - 0.8**step)) / ((square / (1 - 0.9**step)).sqrt() + 1e-8)
                mine[name] = weight, mean, square
        optimizers.step(lr, bf16=False)
        assert all(p.grad is None for p in optimizers.parameters)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.detach().double(), mine[name][0], atol=1e-6, rtol=1e-5)


def test_muon_steps_along_the_nearest_orthogonal_matrix_with_the_size_of_an_adamw_step() -> None:
    module = nn.ModuleList([nn.Linear(32, 64, bias=False)])
    linear = module[0]
    assert isinstance(linear, nn.Linear)
    before = linear.weight.detach().clone()
    optimizers = Optimizers(module, tiny.settings(weight_decay=0.0))
    set_gradients(module, 0)
    assert linear.weight.grad is not None
    left, _, right = torch.linalg.svd(linear.weight.grad, full_matrices=False)
    optimizers.step(0.01, bf16=False)
    update = (before - linear.weight.detach()) / 0.01
    # Five iterations bring the singular values near 1, not to it: between 0.68 and 1.13.
    cosine = torch.nn.functional.cosine_similarity(update.flatten(), (left @ right).flatten(), dim=0)
    assert cosine > 0.97
    spread = torch.linalg.svdvals(update) / (0.2 * 64**0.5)
    assert spread.min() > 0.6 and spread.max() < 1.25
    assert update.square().mean().sqrt() == pytest.approx(0.2, rel=0.2)


def test_the_state_of_both_optimisers_survives_the_trip_through_tensors() -> None:
    one, other = Everything(), Everything()
    first, second = Optimizers(one, tiny.settings()), Optimizers(other, tiny.settings())
    set_gradients(one, 1)
    first.step(0.01, bf16=False)
    other.load_state_dict(one.state_dict())
    state = first.state()
    assert "momentum_buffer/blocks.0.up.weight" in state and "exp_avg_sq/embed.weight" in state
    second.load({name: tensor.clone() for name, tensor in state.items()})
    for module, optimizers in ((one, first), (other, second)):
        set_gradients(module, 2)
        optimizers.step(0.01, bf16=False)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    with pytest.raises(CheckpointError, match=r"frozen\.weight"):
        second.load({"exp_avg/frozen.weight": torch.zeros(2, 2)})


def test_sizes_count_each_trained_number_once() -> None:
    sizes = Optimizers(Everything(), tiny.settings()).sizes()
    assert sizes == {"all": 36 + 20 + 52 + 48 + 12, "muon": 32, "decayed": 36 + 16 + 48 + 12, "vectors": 24}


def test_nothing_to_train_and_muon_without_matrices_are_errors() -> None:
    with pytest.raises(ConfigError, match="nothing to train"):
        Optimizers(nn.Linear(2, 2).requires_grad_(False), tiny.settings())
    with pytest.raises(ConfigError, match="optimizer=adamw"):
        Optimizers(nn.Linear(2, 2), tiny.settings())
