"""What each number is called, its unit, which way is better, and whether two arms may be compared by it."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Measure:
    """words: what a table calls it. better: None for what is only told. compared: whether a difference means anything.

    counted: whether it is a count, which is the same in every run. scale: what the number is multiplied by for
    ``unit``.
    """

    words: str
    unit: str = ""
    better: Better | None = None
    compared: bool = False
    scale: float = 1.0
    counted: bool = False

    def shown(self, value: float) -> str:
        """A number of this measure as a reader wants it: four digits, or whole thousands."""
        x = value * self.scale
        if abs(x) >= 1e6:
            return f"{x:.3g}"
        return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def _told(words: str, unit: str = "", scale: float = 1.0) -> Measure:
    return Measure(words, unit, scale=scale)


def _less(words: str, unit: str = "", scale: float = 1.0) -> Measure:
    return Measure(words, unit, "lower", True, scale)


def _count(words: str, unit: str = "", scale: float = 1.0) -> Measure:
    return Measure(words, unit, "lower", True, scale, counted=True)


def _share(words: str) -> Measure:
    return Measure(words, "%", "higher", True, 100.0)


_QUALITY = {
    "frechet": _less("Frechet distance of drawn pictures (EfficientNet)"),
    "judge": _share("judge: mean of all categories"),
    "judge_held_out": _share("judge: compositions that no training picture shows"),
    "judge_accuracy": _told("the judge's own accuracy on real renders, in its worst category", "%", 100.0),
    "captions_exact": _share("captions right to the letter"),
    "captions_true": _share("captions true of their picture"),
    "answers": _share("answers right"),
    "edits": _share("edits: all of the true picture shown, and nothing else"),
    "edits_psnr": Measure("edits: PSNR against the true picture", "dB", "higher", True),
    "edits_copied": _told("edits: PSNR of the given picture, unchanged", "dB"),
    "psnr": Measure("codec: PSNR of held-out pictures", "dB", "higher"),
    "frechet_codec": Measure("codec: Frechet distance of reconstructions", "", "lower"),
    "frechet_pictures": _told("pictures in each Frechet distance"),
}
_COST = {
    "backbone_passes": _count("backbone passes a picture"),
    "backbone_tokens": _count("tokens through the backbone a picture"),
    "head_passes": _count("head passes a picture"),
    "decoder_passes": _count("passes of the codec's decoder a picture"),
    "cache_bytes": _count("cache a picture, at most", "KB", 1e-3),
    "memory": _told("peak memory of the process that finished the run", "MB", 1e-6),
}
_SIZES = {
    "parameters/learned": _told("learned together (matched)", "M", 1e-6),
    "parameters/backbone": _told("backbone", "M", 1e-6),
    "parameters/embedding": _told("embeddings", "M", 1e-6),
    "parameters/head": _told("heads", "M", 1e-6),
    "parameters/codec": _told("codecs (apart)", "M", 1e-6),
}
_SPENT = {
    "spent/minutes": _told("minutes"),
    "spent/flops": _told("training FLOPs", "TFLOP", 1e-12),
    "spent/samples": _told("samples (documents seen)"),
    "spent/steps": _told("steps"),
}
_KNOWN = {**_QUALITY, **_COST, **_SIZES, **_SPENT}

GROUPS = ("Quality", "Cost of a picture", "Parameters", "Budget used")


def measure(name: str) -> Measure:
    """The measure of a number by its name, such as ``loss/text/image_first``, ``judge/counting`` or ``seconds/16``."""
    if name in _KNOWN:
        return _KNOWN[name]
    kind, _, rest = name.partition("/")
    if kind == "loss":
        modality, _, order = rest.partition("/")
        words = f"held-out loss: {modality}, {order.replace('_', ' ')}"
        # a loss of latents and one of codes are numbers of different kinds; ids of one tokenizer are not
        return Measure(words, "", "lower", modality == "text")
    if kind == "judge":
        return _share(f"judge: {rest.replace('_', ' ')}")
    assert kind == "seconds", f"{name} is a number without a name"
    return _less(f"drawing, in a batch of {rest}", "ms a picture", 1000.0)


def group(name: str) -> str:
    """Which of ``GROUPS`` a number belongs to."""
    kind = name.partition("/")[0]
    if kind in ("parameters", "spent"):
        return GROUPS[2] if kind == "parameters" else GROUPS[3]
    return GROUPS[1] if kind == "seconds" or name in _COST else GROUPS[0]


def in_order(names: set[str]) -> list[str]:
    """Names in the order of the tables: known ones as above, losses before the others of their group."""
    known = list(_KNOWN)

    def place(name: str) -> tuple[int, int, str]:
        at = known.index(name) if name in known else -1 if name.startswith("loss/") else known.index("judge")
        return GROUPS.index(group(name)), at, name

    return sorted(names, key=place)
