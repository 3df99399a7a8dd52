"""The size between tiny and small: 32-pixel pictures and about three million parameters, for comparisons in minutes.

Recipes share what is here, so that in a study they differ in their ideas: the side of a picture, the width of the
backbone, and one codec for all whose tokens are latents. Depth makes up for heads: a model whose pictures have a
diffusion head has fewer blocks than one whose backbone does all the work. The data is `scenes` of that side.
"""

from motet.codecs.sigma_vae import SigmaVaeShape
from motet.codecs.vq import VqShape
from motet.factorise.masked import Masking
from motet.heads.diffusion import DiffusionShape
from motet.nn.backbone import TransformerShape

SIDE = 32
LATENTS = SigmaVaeShape(patch=8, channels=12, dim=128, n_layers=2, sigma=0.3)
"""16 latents a picture, few and noisy: joint diffusion learns them sooner than 32 clean channels (docs/log.md)."""
LATENTS_BATCH = 256
"""Pictures in a batch of their stage."""
CODES = VqShape(patch=4, codebook_size=512, dim=128, n_layers=2)
"""64 codes a picture."""
CODES_BATCH = 64
"""The same of codes: with many tokens a picture, larger ones leave minutes too few steps."""
TEXT_FIRST = 0.6
"""A little more drawing than describing: the first is learned later."""
HEAD = DiffusionShape(width=192, n_layers=3, ffn_dim=384)
MASKING = Masking(least=0.1, std=0.6, draws=2)
"""Of 16 latents the papers' 70 to 100 % leave at most four to be seen, and sampling shows up to 15 (docs/log.md)."""


def backbone(n_layers: int, *, rope_axes: tuple[int, ...] = (32, 0, 16, 16)) -> TransformerShape:
    """Blocks of 192 channels in three heads."""
    return TransformerShape(dim=192, n_layers=n_layers, n_heads=3, ffn_dim=512, rope_axes=rope_axes, qk_norm=True)
