"""Documents to segments: every modality through its codec, once, kept on disk by the codec's weights."""

from collections.abc import Sequence

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from motet.data.cache import cache_folder
from motet.data.document import Document
from motet.data.pixels import Pixels, Progress
from motet.model import TEXT, Model
from motet.sequence import Segment
from motet.whole import whole

IMAGE = "image"
AT_ONCE = 256
"""Pictures encoded together."""


def encode_documents(
    model: Model, documents: Sequence[Document], pixels: Pixels, *, progress: Progress | None = None
) -> list[list[Segment]]:
    """The segments of each document. ``pixels`` are the pictures of the same documents."""
    latents, grid = _latents(model, pixels, progress) if len(pixels) else (None, ())
    encoded = []
    for document, first in zip(documents, pixels.first, strict=True):
        segments = []
        picture = first
        for part in document.parts:
            if part.modality == IMAGE:
                assert latents is not None
                segments.append(Segment(IMAGE, latents[picture], grid, part.learn))
                picture += 1
            else:
                assert isinstance(part.value, str)
                segments.append(Segment(TEXT, model.text.encode(part.value)[0], learn=part.learn))
        encoded.append(segments)
    return encoded


def _latents(model: Model, pixels: Pixels, progress: Progress | None) -> tuple[Sequence[Tensor], tuple[int, ...]]:
    """What the image codec makes of every picture, from the cache if it has been made before.

    Pictures may have different numbers of tokens: they are stored end to end, with the number of each.
    """
    codec = model.modality(IMAGE).codec
    path = cache_folder() / "encoded" / f"{pixels.digest}-{codec.fingerprint()}.safetensors"
    if not path.is_file():
        values: list[Tensor] = []
        grid: tuple[int, ...] = ()
        for start in range(0, len(pixels), AT_ONCE):
            index = np.arange(start, min(start + AT_ONCE, len(pixels)))
            encoded = codec.encode_many([pixels.picture(int(i)) for i in index])
            values += [one for one, _ in encoded]
            grid = encoded[0][1]
            if progress is not None:
                progress(int(index[-1]) + 1, len(pixels))
        counts = torch.tensor([len(one) for one in values])
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            save_file({"values": torch.cat(values), "counts": counts, "grid": torch.tensor(grid)}, partial)
    stored = load_file(path)
    return stored["values"].split(stored["counts"].tolist()), tuple(stored["grid"].tolist())
