"""A segment: one run of one modality, encoded."""

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Segment:
    """One run of one modality, as its codec left it.

    values: ``Int[n]`` ids, or ``Float[n c]`` latents (posterior means where the codec is stochastic).
    grid:   () for text, (h, w) for an image, (frames, h, w) for video, (frames,) for audio.
    learn:  False means condition only: the segment is read but never predicted.
    label:  ids of the text that noised tokens of the segment are conditioned on, where it is not in the sequence.
    view:   it enters as what is only read does, though it is learned, where those are two ways (``factorise.given``).
    noise:  the most noise under which the segment is learned by diffusion; 1 is pure noise.
    """

    modality: str
    values: Tensor
    grid: tuple[int, ...] = ()
    learn: bool = True
    label: Int[Tensor, " m"] | None = None
    view: bool = False
    noise: float = 1.0

    def __len__(self) -> int:
        return int(self.values.shape[0])
