"""The optimisers: Muon for the matrices of blocks, AdamW for everything else, one learning rate for both.

The rule, in the order asked:
- a parameter with fewer than two axes (norms, biases, gates): AdamW without weight decay;
- the weight of an `nn.Linear` inside an `nn.ModuleList` (that is, of a stack of blocks): Muon;
- the rest (embeddings, projections in and out, convolutions): AdamW with weight decay.

Muon's steps have the size of AdamW's (see muon.py), which is what makes one learning rate serve both.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from motet.errors import CheckpointError, ConfigError
from motet.train.muon import Muon
from motet.train.settings import TrainSettings

Group = Literal["muon", "decayed", "vectors"]


def assign(module: nn.Module) -> dict[str, Group]:
    """Each trained parameter's group, by name. Parameters that are frozen now are left out; tied ones appear once."""
    in_stack = {
        id(layer.weight)
        for stack in module.modules()
        if isinstance(stack, nn.ModuleList)
        for layer in stack.modules()
        if isinstance(layer, nn.Linear)
    }
    groups: dict[str, Group] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            matrix: Group = "muon" if id(parameter) in in_stack else "decayed"
            groups[name] = "vectors" if parameter.ndim < 2 else matrix
    return groups


class Optimizers:
    """Muon and AdamW stepping as one.

    Raises:
        ConfigError: nothing to train, or Muon was asked for where there is nothing for it.
    """

    def __init__(self, module: nn.Module, settings: TrainSettings):
        self.groups = assign(module)
        self._named = {name: p for name, p in module.named_parameters() if name in self.groups}
        self.parameters: list[nn.Parameter] = list(self._named.values())
        if not self.parameters:
            raise ConfigError(
                "no parameter requires grad, so there is nothing to train; unfreeze the part that this stage trains"
            )
        members: dict[Group, list[nn.Parameter]] = {"muon": [], "decayed": [], "vectors": []}
        for name, group in self.groups.items():
            members["decayed" if group == "muon" and settings.optimizer == "adamw" else group].append(self._named[name])
        self._all: list[Optimizer] = []
        if settings.optimizer == "muon":
            if not members["muon"]:
                raise ConfigError(
                    "optimizer=muon has no effect: no nn.Linear in an nn.ModuleList is trained; set optimizer=adamw"
                )
            self._all.append(Muon(members["muon"], settings.lr, settings.weight_decay))
        adamw = [
            {"params": members["decayed"], "weight_decay": settings.weight_decay},
            {"params": members["vectors"], "weight_decay": 0.0},
        ]
        if kept := [group for group in adamw if group["params"]]:
            self._all.append(torch.optim.AdamW(kept, lr=settings.lr, betas=settings.betas, fused=True))

    def sizes(self) -> dict[str, int]:
        """How many numbers are trained: in all and per group of the rule."""
        sizes = {"all": 0, "muon": 0, "decayed": 0, "vectors": 0}
        for name, group in self.groups.items():
            sizes[group] += self._named[name].numel()
            sizes["all"] += self._named[name].numel()
        return sizes

    def step(self, lr: float, *, bf16: bool) -> None:
        """One update at the learning rate `lr`; then the gradients are dropped. bf16: what Muon multiplies in."""
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = lr
                if isinstance(optimizer, Muon):
                    group["bf16"] = bf16
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """All state as flat tensors, named `<what>/<parameter>`, such as `exp_avg/blocks.0.ffn.up.weight`."""
        names = {id(parameter): name for name, parameter in self._named.items()}
        return {
            f"{what}/{names[id(parameter)]}": tensor
            for optimizer in self._all
            for parameter, entry in optimizer.state.items()
            for what, tensor in entry.items()
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` gave.

        Raises:
            CheckpointError: `state` has tensors for a parameter that is not trained here.
        """
        owner = {
            id(p): optimizer for optimizer in self._all for group in optimizer.param_groups for p in group["params"]
        }
        for key, tensor in state.items():
            what, _, name = key.partition("/")
            if name not in self._named:
                raise CheckpointError(
                    f"the checkpoint optimises {name!r}, which this stage does not train; use a new run folder"
                )
            parameter = self._named[name]
            # cloned: memory of our own, aligned as in the run that wrote it, not a view of the file
            owner[id(parameter)].state[parameter][what] = tensor.to(parameter.device, copy=True)
