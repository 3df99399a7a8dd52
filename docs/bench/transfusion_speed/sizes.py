"""Sizes of the two models: their parameters part by part, and the package's depth at which they count as equal."""

from collections.abc import Iterable

from contestant import Setting
from package_side import Depth, package
from rich.console import Console
from rich.table import Table
from task import Task
from torch import Tensor

from motet.embed.timed import Timed
from motet.recipes.pictures import IMAGE

PARTS = ("attention and feed-forward", "diffusion time", "U-Net skips", "embeddings and read-outs", "all")
EQUAL = {"shape": "attention and feed-forward", "parameters": "all"}
"""What has to agree within ``TOLERANCE``."""
TOLERANCE = 0.05


def count(parameters: Iterable[Tensor]) -> int:
    return sum(p.numel() for p in parameters)


def motet_sizes(task: Task) -> list[int]:
    """Of each of ``PARTS``."""
    model = task.model()
    embed = model.modality(IMAGE).embed
    assert isinstance(embed, Timed)
    learned = sum(count(part.parameters()) for part in model.learned())
    blocks, timed = count(model.backbone.parameters()), count(embed.time.parameters()) + embed.move.numel()
    return [blocks, timed, 0, learned - blocks - timed, learned]


def package_sizes(task: Task, depth: Depth) -> list[int]:
    model = package(task, depth, Setting(bf16=False))
    inner = model.transformer
    skips = count(p for skip, *_ in inner.layers if skip is not None for p in skip.parameters())
    wrapped = [part.fn for _, attention, ffn, _ in inner.layers for part in (attention, ffn)]
    plain = [*wrapped, *(mixing for *_, mixing in inner.layers), inner.norm]
    blocks = count(p for part in plain for p in part.parameters())
    whole, learned = count(inner.parameters()), count(model.parameters())
    return [blocks, whole - blocks - skips, skips, learned - whole, learned]


def matched(task: Task, equal: str) -> Depth:
    """The package's depth at equal sizes: the most blocks whose feed-forward is at least half as wide as Motet's."""
    shape = task.recipe.backbone
    if equal == "shape":
        return Depth(shape.n_layers, shape.ffn_dim)
    wanted = motet_sizes(task)[-1]
    for layers in range(shape.n_layers, 0, -1):
        small, large = (package_sizes(task, Depth(layers, ffn_dim))[-1] for ffn_dim in (16, 32))
        ffn_dim = 16 * round(1 + (wanted - small) / (large - small))
        if ffn_dim >= shape.ffn_dim / 2:
            return Depth(layers, ffn_dim)
    raise SystemExit("no depth of the package has as few weights as Motet; raise --layers or --ffn")


def show_sizes(task: Task, equal: str, depth: Depth, console: Console) -> None:
    title = f"equal {equal}: package with {depth.layers} blocks, feed-forward {depth.ffn_dim}"
    table = Table("parameters", "motet", "package", "ratio", title=title)
    for name, ours, theirs in zip(PARTS, motet_sizes(task), package_sizes(task, depth), strict=True):
        table.add_row(name, f"{ours:,}", f"{theirs:,}", f"{theirs / ours:.3f}" if ours else "")
        if name == EQUAL[equal] and abs(theirs / ours - 1) > TOLERANCE:
            raise SystemExit(f"{name}: {ours:,} and {theirs:,} differ by more than {TOLERANCE:.0%}; choose other sizes")
    console.print(table)
