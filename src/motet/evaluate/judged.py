"""What a model is judged on: pairs of a text and a picture, and the gallery of all pictures that they are sought in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from motet.data.corpus import Corpus, Split
from motet.data.document import Document
from motet.data.orders import taught
from motet.evaluate.timed import Tick
from motet.model import TEXT, Model
from motet.sequence import Segment
from motet.types import Raw

IMAGE = "image"
CHUNK = 128


@dataclass(frozen=True)
class Judged:
    """Some text-picture pairs of one split.

    texts, images: their encoded halves; the images are posterior means where the codec is stochastic.
    truth: the pictures at the model's size. place: the number of each in the gallery.
    """

    captions: tuple[str, ...]
    texts: tuple[Segment, ...]
    images: tuple[Segment, ...]
    truth: UInt8[Tensor, "n 3 h w"]
    place: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.captions)


def is_pair(document: Document) -> bool:
    """Whether a document is one text and one picture, in either order."""
    return sorted(part.modality for part in document.parts) == [IMAGE, TEXT]


def taught_by_pairs(split: Split) -> set[str]:
    """``Split.taught`` of its pairs alone: those whose halves are not both learned, as of a chat."""
    return set().union(*(taught(document.parts) for document in split.documents if is_pair(document)))


def judged(model: Model, corpus: Corpus, *, held_out: bool, n: int | None, seed: int = 0) -> Judged | None:
    """At most ``n`` pairs of a split, chosen by ``seed``, in the order of the data; None if it has no pair."""
    split = corpus.held_out if held_out else corpus.train
    pairs = [i for i, document in enumerate(split.documents) if is_pair(document)]
    if n is not None and n < len(pairs):
        pairs = sorted(np.random.default_rng(seed).permutation(pairs)[:n].tolist())
    if not pairs:
        return None
    encoded = split.encoded(model)
    halves = [sorted(encoded[i], key=lambda segment: segment.modality != TEXT) for i in pairs]
    pictures = [split.pixels.first[i] for i in pairs]
    first = len(corpus.train.pixels) if held_out else 0
    return Judged(
        captions=tuple(split.documents[i].text for i in pairs),
        texts=tuple(text for text, _ in halves),
        images=tuple(image for _, image in halves),
        truth=true_pictures(split, pictures),
        place=torch.tensor(pictures) + first,
    )


def true_pictures(split: Split, index: Sequence[int] | None = None) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures of a split (all by default) at the model's size."""
    array = split.pixels.array if index is None else split.pixels.array[np.asarray(index)]
    return torch.from_numpy(np.array(array)).permute(0, 3, 1, 2).contiguous()


def image_segments(split: Split, model: Model) -> list[Segment]:
    """Every picture of a split, encoded, in the order of ``split.pixels``."""
    return [segment for document in split.encoded(model) for segment in document if segment.modality == IMAGE]


def decoded(model: Model, values: Sequence[Float[Tensor, "t c"]], grid: tuple[int, ...], tick: Tick) -> Tensor:
    """The pictures of some latents, uint8 ``[n, 3, h, w]``."""
    codec, made = model.modality(IMAGE).codec, []
    for start in range(0, len(values), CHUNK):
        made.append(to_uint8(codec.decode_many(list(values[start : start + CHUNK]), grid)))
        tick(min(start + CHUNK, len(values)))
    return torch.cat(made)


def to_uint8(pictures: Sequence[Raw]) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures of one size as one tensor."""
    arrays = []
    for picture in pictures:
        assert isinstance(picture, Image.Image)
        arrays.append(np.asarray(picture.convert("RGB")))
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
