"""The sections of a page about an evaluation: the same ones for `motet eval` and for the demo."""

from typing import Any, NamedTuple

from motet.config import describe as settings_of
from motet.data.evenly import evenly
from motet.evaluate.evaluation import Evaluation
from motet.evaluate.interval import Interval, mean_interval
from motet.evaluate.measures import Group, Reconstruction
from motet.evaluate.page import Gallery, KeyNumber, KeyNumbers, Pair, Pairs, Section, Table, Text, Tile
from motet.model import Model

SHOWN = 24
NAMES = {"trained": "trained names", "held_out": "held-out names"}
COMPOSITIONS = {"emoji": "held-out compositions"}
EVENLY = "Taken evenly from all that were judged, not chosen by how they look."


class Targets(NamedTuple):
    """What a run is meant to reach; None: no target. Shares are between 0 and 1, PSNR in dB."""

    psnr: float | None = None
    trained: float | None = None
    held_out: float | None = None
    trained_captions: float | None = None
    held_out_captions: float | None = None


def called(found: Evaluation, split: str) -> str:
    """What a split's names are called on a page: ``held-out compositions``, say."""
    return COMPOSITIONS.get(found.corpus.name, NAMES[split]) if split == "held_out" else NAMES[split]


def key_numbers(found: Evaluation, targets: Targets | None = None) -> KeyNumbers:
    """The five numbers that say most."""
    targets = targets or Targets()
    numbers = []
    if found.reconstruction is not None:
        psnr = mean_interval(found.reconstruction.means)
        target = "" if targets.psnr is None else f"target {targets.psnr:g} dB"
        met = None if targets.psnr is None else psnr.mean >= targets.psnr
        numbers.append(
            KeyNumber(f"{psnr.mean:.1f} dB", "codec PSNR, held-out pictures", target, met, _between(psnr, 1))
        )
    for split, group in found.groups.items():
        wanted = targets.trained if split == "trained" else targets.held_out
        label = f"right picture of {found.gallery:,}: {called(found, split)}"
        numbers.append(_share(group.pixels.top1, label, wanted))
    for split, group in found.groups.items():
        wanted = targets.trained_captions if split == "trained" else targets.held_out_captions
        if group.told is not None:
            label = f"captions exactly right: {split.replace('_', '-')} pictures"
            numbers.append(_share(group.told.exact, label, wanted))
    note = "Small print: the interval that holds the value with 95 % confidence."
    return KeyNumbers("Key numbers", numbers, note=f"{note} {found.unlike}".rstrip())


def drawings(found: Evaluation, split: str) -> Gallery:
    """Drawn pictures beside the true ones, with a mark for right or wrong."""
    group = found.groups[split]
    judged, ranks = group.answers.judged, group.pixels.ranks
    tiles = [
        Tile(group.answers.drawn.pictures[i], judged.captions[i], judged.truth[i], ok=bool(ranks[i] == 0))
        for i in evenly(range(len(judged)), SHOWN)
    ]
    note = (
        f"Left: generated from the name alone. Right: the true picture. ✓: of all {found.gallery:,} pictures, the true "
        f"one is the nearest to the generated one. {EVENLY}"
    )
    if split == "held_out" and not found.unlike:
        note = f"Never seen in training. {note}"
    return Gallery(_title(f"Drawing {called(found, split)}"), tiles, note)


def captions(found: Evaluation, split: str, most: int = SHOWN) -> list[Gallery]:
    """Judged pictures over their captions; the true caption below where it differs. None of a model that is mute."""
    group = found.groups[split]
    judged, told = group.answers.judged, group.told
    if told is None:
        return []
    tiles = [
        Tile(
            judged.truth[i],
            told.captions[i] or "(nothing)",
            expected="" if told.right[i] else f"is: {judged.captions[i]}",
            ok=told.right[i],
        )
        for i in evenly(range(len(judged)), most)
    ]
    note = f"What the model says of a picture. {EVENLY}"
    return [Gallery(f"Describing {split.replace('_', '-')} pictures", tiles, note)]


def reconstructions(rebuilt: Reconstruction, most: int = 12) -> Pairs:
    """Held-out pictures through the codec."""
    pairs = [
        Pair(rebuilt.true[i], rebuilt.made[i], f"{float(rebuilt.means[i]):.1f} dB")
        for i in evenly(range(len(rebuilt.means)), most)
    ]
    return Pairs(
        "Codec", pairs, "Left: a held-out picture. Right: what the codec makes of it, the best that can be drawn."
    )


def all_numbers(found: Evaluation) -> Table:
    """Every number with its 95 % interval."""
    rows: list[tuple[str, str]] = [(f"Held-out loss, {_words(name)}", str(x)) for name, x in found.losses.items()]
    if found.reconstruction is not None:
        rows.append(("Codec PSNR from the means, dB", _decimals(mean_interval(found.reconstruction.means), 2)))
        rows.append(("Codec PSNR with noise drawn, dB", _decimals(mean_interval(found.reconstruction.noised), 2)))
    for split, group in found.groups.items():
        rows += _group_rows(f"{called(found, split)} ({len(group.answers.judged)})", group)
    if found.distances is not None:
        d = found.distances
        rows.append((f"Frechet distance, {d.n} drawn to {d.n} true pictures", f"{d.frechet:.2f}"))
        rows.append(("Frechet distance, reconstructions to the same", f"{d.frechet_reconstructions:.2f}"))
        rows.append(("Kernel distance (± deviation between subsets)", f"{d.kernel.mean:.3g} ± {d.kernel.std:.2g}"))
    if found.drift is not None:
        rows.append(("Drift: mean |log ratio| of norms to true ones", f"{found.drift.norm:.3f}"))
        rows.append(("Drift: mean |log ratio| of spreads to true ones", f"{found.drift.std:.3f}"))
        if (built_up := found.drift.from_one_step) is not None:
            rows.append(("Drift: mean |log ratio| of norms to those one step ahead", f"{built_up.norm:.3f}"))
            rows.append(("Drift: mean |log ratio| of spreads to those one step ahead", f"{built_up.std:.3f}"))
    return Table("All numbers", [(_title(name), value) for name, value in rows], ("Measure", "Value [95 % interval]"))


def settings(recipe: Any, model: Model) -> list[Table]:
    """Parameters of each part, and every knob of the recipe."""
    sizes = [("backbone", model.backbone)] + [
        (f"{name} {part}", getattr(model.modality(name), part))
        for name in model.modalities
        for part in ("embed", "head", "codec")
    ]
    counts = [(name, f"{sum(p.numel() for p in part.parameters()) / 1e6:.2f}") for name, part in sizes]
    knobs = [(s.name, _value(s.value), s.help) for s in settings_of(recipe)]
    return [
        Table("Model", [row for row in counts if row[1] != "0.00"], ("Part", "Million parameters")),
        Table("Settings", knobs, ("Setting", "Value", "What it is")),
    ]


def timings(stages: dict[str, float], found: Evaluation) -> Table:
    """Seconds of each stage of training and each task of the evaluation."""
    rows = [(f"training: {name}", _clock(seconds)) for name, seconds in stages.items()]
    rows += [(name, _clock(seconds)) for name, seconds in found.seconds.items()]
    for split, group in found.groups.items():
        each = group.answers.seconds
        speed = f"{1000 * each.mean:.0f} [{1000 * each.low:.0f}, {1000 * each.high:.0f}]"
        rows.append((f"milliseconds for each picture, in batches: {called(found, split)}", speed))
    return Table("Timings", [(_title(name), value) for name, value in rows], ("Task", "Time"))


def left_out(found: Evaluation) -> list[Section]:
    """What was not measured and why; no section if nothing is missing."""
    return [Text("Not measured", found.left_out)] if found.left_out else []


def _group_rows(name: str, group: Group) -> list[tuple[str, str]]:
    rows = [
        (f"{name}: nearest by pixels", group.pixels.top1.percent()),
        (f"{name}: among the five nearest by pixels", group.pixels.top5.percent()),
    ]
    if group.features is not None:
        rows.append((f"{name}: nearest by features", group.features.top1.percent()))
        rows.append((f"{name}: among the five nearest by features", group.features.top5.percent()))
    if group.told is not None:
        rows.append((f"{name}: captions exactly right", group.told.exact.percent()))
        if group.told.similar is not None:
            rows.append((f"{name}: captions' similarity in meaning", _decimals(group.told.similar, 3)))
    return rows


def _share(share: Interval, label: str, target: float | None) -> KeyNumber:
    words = "" if target is None else f"target {100 * target:.0f} %"
    met = None if target is None else share.mean >= target
    detail = f"{100 * share.low:.0f} to {100 * share.high:.0f} %"
    return KeyNumber(f"{100 * share.mean:.0f} %", label, words, met, detail)


def _between(interval: Interval, digits: int) -> str:
    return f"{interval.low:.{digits}f} to {interval.high:.{digits}f}"


def _decimals(x: Interval, digits: int) -> str:
    return f"{x.mean:.{digits}f} [{x.low:.{digits}f}, {x.high:.{digits}f}]"


def _words(name: str) -> str:
    what, _, order = name.partition("/")
    return f"{what}, {order.replace('_', ' ')}"


def _title(words: str) -> str:
    return words[:1].upper() + words[1:]


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def _clock(seconds: float) -> str:
    return f"{seconds:.1f} s"
