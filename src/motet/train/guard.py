"""Notices a run that has gone wrong: a number that is not finite, or a loss that has exploded."""

import math
from collections import deque
from statistics import median

_WINDOW = 50  # losses that the median is taken over
_ENOUGH = 20  # losses before it is trusted
_FACTOR = 5.0  # times the median is a spike
_PATIENCE = 3  # spikes in succession are a failure; one alone is a hard batch


class Guard:
    """Judges each step's total loss and gradient norm.

    A loss or norm that is not finite fails at once, before it reaches the weights. A spike, a loss above 5 times the
    median of the last 50, fails when it is the third in succession. Losses of spikes do not enter the median.
    """

    def __init__(self, recent: list[float]):
        self._recent = deque(recent, maxlen=_WINDOW)
        self.spikes = 0

    @property
    def recent(self) -> list[float]:
        """The losses that the median is taken over, oldest first; saved, so that a resumed run judges alike."""
        return list(self._recent)

    def judge(self, total: float, norm: float, parts: dict[str, float]) -> str | None:
        """What is wrong with this step, or None."""
        if not math.isfinite(total) or not all(map(math.isfinite, parts.values())):
            return f"the loss is not finite: {total} ({', '.join(f'{k} {v:.4g}' for k, v in parts.items())})"
        if not math.isfinite(norm):
            return f"the gradient is not finite: its norm is {norm}, at a loss of {total:.4g}"
        # A loss that may be negative or cross zero has no meaningful ratio, so only positive medians are judged by it.
        usual = median(self._recent) if len(self._recent) >= _ENOUGH else 0.0
        if usual > 0 and total > _FACTOR * usual:
            self.spikes += 1
            if self.spikes >= _PATIENCE:
                return (
                    f"the loss has exploded: {total:.4g} against a median of {usual:.4g}, {self.spikes} steps in a row"
                )
            return None
        self.spikes = 0
        self._recent.append(total)
        return None
