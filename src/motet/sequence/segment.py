"""A segment: one run of one modality, encoded."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Segment:
    """One run of one modality, as its codec left it.

    values: ``Int[n]`` ids, or ``Float[n c]`` latents (posterior means where the codec is stochastic).
    grid:   () for text, (h, w) for an image, (frames, h, w) for video, (frames,) for audio.
    learn:  False means condition only: the segment is read but never predicted.
    """

    modality: str
    values: Tensor
    grid: tuple[int, ...] = ()
    learn: bool = True

    def __len__(self) -> int:
        return int(self.values.shape[0])
