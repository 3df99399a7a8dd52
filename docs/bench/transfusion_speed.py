"""Transfusion: training tokens/s and sampled pictures/s of Motet and of the package transfusion-pytorch, one process.

    pip install transfusion-pytorch==0.20.0            # beside Motet, for this alone: it is no dependency
    python docs/bench/transfusion_speed.py             # the recipe's small size
    python docs/bench/transfusion_speed.py --only sample --equal shape --pictures 4
    python docs/bench/transfusion_speed.py --quick --eager     # does it run at all?

Each contestant first tries its settings (precision, compilation; the package also its ways to process a batch), then
the best of each run in turn, and the median, the slowest and the fastest are printed. What is equal:

- the documents of each step, a text and then a picture of random latents (no codec runs), both predicted. Counted are
  their tokens alone: not the begin, end and mark tokens, of which the package has more, nor padding. Neither drops
  conditions. Both take AdamW (fused) after clipping; neither averages its weights;
- sampling: a batch of pictures for texts, each time others; Euler, the same number of looks at each picture, guidance.

"Equal sizes" can be read in two ways, for the package modulates each token in each block by its time (adaLN-Zero, 24
dim^2 weights a block), where Motet adds a vector of the time to the input, as the paper does:

    shape       equal width, blocks, heads and feed-forward width; the package's modulation comes on top
    parameters  equal width and heads and all weights equal; the package has fewer blocks

The package is taken at its leanest, without gates and axial position embedding, which only cost time. Its attention
over all earlier blocks' outputs cannot be left out, nor its U-Net skips (unet_skips=False fails an assertion of its
own). Its FlexAttention is for CUDA alone. Of its samplers ``sample_many`` is measured, the one that takes a batch.
"""

import argparse
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from motet.codecs.text import BEGIN, END, TextCodec, marks
from motet.data.corpus import Corpus, Split
from motet.data.document import Document
from motet.data.loader import Order
from motet.embed.timed import Timed
from motet.generate import generate
from motet.model import TEXT, Model
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.recipes.train_joint import Mixture, TrainJointly
from motet.recipes.transfusion import Transfusion
from motet.request import Request, Sampling
from motet.sequence import Segment
from motet.train import hardware
from motet.train.memory import reuse_large_allocations
from motet.train.optim import Optimizers
from motet.train.settings import Budget, TrainSettings

SETTINGS = TrainSettings(optimizer="adamw", lr=1e-4)
TARGETS = {"train": ("tokens/s", 2.0), "sample": ("pictures/s", 3.0)}
EQUAL = {"shape": "attention and feed-forward", "parameters": "all"}
"""What has to agree within ``TOLERANCE``."""
TOLERANCE = 0.05
PLANNED = 32
"""Training steps that are laid out; more runs begin again."""

Run = Callable[[int], int]
"""Does number i of the runs, and returns how many tokens or pictures it was."""


@dataclass(frozen=True)
class Setting:
    """How a contestant runs; ``strategy`` is the package's ``modality_processing``."""

    bf16: bool
    compiled: str = ""
    strategy: str = ""

    def __str__(self) -> str:
        compiled = f"compiled {self.compiled}" if self.compiled else "eager"
        return ", ".join(part for part in ("bf16" if self.bf16 else "fp32", compiled, self.strategy) if part)

    def autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)


class Step(NamedTuple):
    """One step of training: where its batch begins in the stream, its documents, and their tokens."""

    cursor: int
    documents: list[int]
    tokens: int


@dataclass(frozen=True)
class Encoded(Split):
    """Documents that are encoded already."""

    segments: tuple[list[Segment], ...] = ()

    def encoded(self, model: Model) -> list[list[Segment]]:
        return list(self.segments)


class Task:
    """What both contestants do: the same documents in the same steps, the same prompts."""

    def __init__(self, recipe: Transfusion, text_tokens: int, n_documents: int, sampling: Sampling, pictures: int):
        self.recipe, self.sampling, self.pictures = recipe, sampling, pictures
        self.text = invented_language(recipe.vocab_size)
        self.grid = recipe.grid(recipe.codec.patch)
        rng = np.random.default_rng(0)
        first_word = 1 + max(self.text.id_of(mark) for mark in (BEGIN, END, *marks(IMAGE)))
        lengths = rng.integers(text_tokens // 2, text_tokens + text_tokens // 2 + 1, n_documents)
        self.words = [torch.from_numpy(rng.integers(first_word, self.text.vocab_size, n)) for n in lengths]
        shape = (n_documents, math.prod(self.grid), recipe.codec.channels)
        self.latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        self.steps = self._planned()

    def model(self) -> Model:
        return initialised(self.recipe, self.text, 0)

    def objective(self) -> TrainJointly:
        """What ``motet train`` trains, over these documents with the text always first."""
        segments = tuple(
            [Segment(TEXT, words), Segment(IMAGE, latents, self.grid)]
            for words, latents in zip(self.words, self.latents, strict=True)
        )
        split = Encoded(tuple(Document(str(i), ()) for i in range(len(segments))), (0, 0), segments=segments)
        return TrainJointly(
            self.model(),
            Corpus("random", split, split),
            Mixture(rows=self.recipe.rows, length=self.recipe.row_length, text_first=1.0),
            sampling=self.sampling,
            seed=0,
        )

    def prompts(self, number: int) -> list[Tensor]:
        return [self.words[(number * self.pictures + i) % len(self.words)] for i in range(self.pictures)]

    def _planned(self) -> list[Step]:
        objective, steps, cursor = self.objective(), [], 0
        order = Order(np.full(len(self.words), 1 / len(self.words)), seed=0)
        for _ in range(PLANNED):
            (packed, _), following = objective.batch(cursor)
            documents = [order[k] for k in range(cursor, following)]
            tokens = sum(len(self.words[d]) + self.latents.shape[1] for d in documents)
            special = 4 * len(documents)  # begin, open, close, end
            assert packed.n_tokens == tokens + special, "the package must be given the documents of Motet's batch"
            steps.append(Step(cursor, documents, tokens))
            cursor = following
        return steps


def invented_language(vocab_size: int) -> TextCodec:
    """A tokenizer of so many ids, learned from random words."""
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return TextCodec.learn(["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(4000)], vocab_size, [IMAGE])


def stirred(model: nn.Module) -> nn.Module:
    """Fresh weights with nothing at zero."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=rng))
    return model.eval()


# Motet


def motet_training(task: Task, setting: Setting) -> Run:
    """The steps of ``motet.train.loop.train``, batches made on the way, without its log and its averaged weights."""
    objective = task.objective()
    if setting.compiled:
        objective.compile()
    optimizers = Optimizers(objective.module, SETTINGS)

    def run(number: int) -> int:
        step = task.steps[number % PLANNED]
        batch, _ = objective.batch(step.cursor)
        with setting.autocast():
            losses = objective.losses(batch)
        torch.autograd.backward(losses.total)
        clip_grad_norm_(optimizers.parameters, SETTINGS.clip)
        optimizers.step(SETTINGS.lr)
        return step.tokens

    return run


def motet_sampling(task: Task, setting: Setting) -> Run:
    model = stirred(task.model())
    assert isinstance(model, Model)
    if setting.compiled:
        for block in model.backbone.blocks:
            block.compile()

    def run(number: int) -> int:
        requests = [
            Request((Segment(TEXT, words),), IMAGE, seed=i, sampling=task.sampling)
            for i, words in enumerate(task.prompts(number))
        ]
        with setting.autocast():
            answers = generate(model, requests)
        assert all(answer[0].values.shape == task.latents.shape[1:] for answer in answers)
        return len(answers)

    return run


MOTET_SETTINGS = [Setting(bf16, compiled) for compiled in ("", "blocks") for bf16 in (True, False)]

# the package


class Depth(NamedTuple):
    """What may differ between the contestants."""

    layers: int
    ffn_dim: int


def package(task: Task, depth: Depth, setting: Setting) -> Any:
    """The package's model at its leanest; its logger and its progress bars are silenced."""
    try:
        from transfusion_pytorch import transfusion as module
    except ImportError as error:
        raise SystemExit(f"{error}; the docstring of this script says what to install") from error
    module.logger.disable("transfusion_pytorch")
    module.tqdm = partial(tqdm, disable=True)
    shape = task.recipe.backbone
    model = module.Transfusion(
        num_text_tokens=task.text.vocab_size,
        dim_latent=task.recipe.codec.channels,
        modality_default_shape=task.grid,
        prob_uncond=0.0,
        odeint_kwargs={"method": "euler"},
        modality_processing=setting.strategy or "grouped",
        transformer={
            "dim": shape.dim,
            "depth": depth.layers,
            "heads": shape.n_heads,
            "dim_head": shape.channels_per_head,
            "ff_expansion_factor": (depth.ffn_dim + 0.5) * 1.5 / shape.dim,  # it takes int(dim * factor * 2 / 3)
            "attn_kwargs": {"gate_values": False},
        },
    )
    parts = {"": [], "transformer": [model.transformer]}
    parts["layers"] = [part for layer in model.transformer.layers for part in layer if part is not None]
    for part in parts[setting.compiled]:
        part.compile()
    return model


def package_training(task: Task, depth: Depth, setting: Setting) -> Run:
    model = package(task, depth, setting)
    documents = [[words, latents.view(*task.grid, -1)] for words, latents in zip(task.words, task.latents, strict=True)]
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=SETTINGS.lr, betas=SETTINGS.betas, fused=True)

    def run(number: int) -> int:
        step = task.steps[number % PLANNED]
        with setting.autocast():
            loss = model([documents[d] for d in step.documents])
        loss.backward()
        clip_grad_norm_(parameters, SETTINGS.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return step.tokens

    return run


def package_sampling(task: Task, depth: Depth, setting: Setting) -> Run:
    model = stirred(package(task, depth, setting))
    n = math.prod(task.grid)

    def run(number: int) -> int:
        with setting.autocast(), torch.inference_mode():
            answers = model.sample_many(
                task.prompts(number),
                max_length=n - 1,  # it ends when more are made, which is when the picture is
                force_modality_at_start=(0, task.grid),
                modality_steps=task.sampling.steps + 1,  # it counts the times that are visited, both ends included
                cfg_scale=task.sampling.guidance,
                return_unprocessed_modalities=True,
                return_without_prompt=True,
            )
        assert all(answer[0].tensor.shape == (*task.grid, task.latents.shape[2]) for answer in answers)
        return len(answers)

    return run


def package_settings(what: str, fastest_strategy: Callable[[list[Setting]], Setting]) -> list[Setting]:
    """Precisions and compilations with the strategy that trains fastest. None of the strategies acts in sampling."""
    strategy = ""
    if what == "train":
        names = ("grouped", "flat", "hybrid", "auto", "naive")
        strategy = fastest_strategy([Setting(True, "", name) for name in names]).strategy
    return [Setting(bf16, compiled, strategy) for compiled in ("", "layers", "transformer") for bf16 in (True, False)]


# sizes

PARTS = ("attention and feed-forward", "diffusion time", "U-Net skips", "embeddings and read-outs", "all")


def count(parameters: Iterable[Tensor]) -> int:
    return sum(p.numel() for p in parameters)


def motet_sizes(task: Task) -> list[int]:
    """Of each of ``PARTS``."""
    model = task.model()
    embed = model.modality(IMAGE).embed
    assert isinstance(embed, Timed)
    learned = sum(count(part.parameters()) for part in model.learned())
    blocks, timed = count(model.backbone.parameters()), count(embed.time.parameters()) + embed.clean.numel()
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


# measuring


def timed(run: Run, number: int) -> float:
    start = time.perf_counter()
    return run(number) / (time.perf_counter() - start)


def fastest(
    make: Callable[[Setting], Run], settings: Sequence[Setting], *, warm: int, runs: int, console: Console, who: str
) -> Setting:
    """Tries every setting and prints its speed; one that fails is printed as failed."""
    speeds: dict[Setting, float] = {}
    for setting in settings:
        torch.compiler.reset()
        gc.collect()
        began = time.perf_counter()
        try:
            run = make(setting)
            for number in range(warm):
                run(number)
            ready = time.perf_counter() - began
            speeds[setting] = statistics.median(timed(run, warm + number) for number in range(runs))
            console.print(f"  {who:8} {setting!s:40} {speeds[setting]:10.2f}/s  (ready after {ready:.0f} s)")
        except Exception as error:  # a setting that does not run here: shown as such
            why = escape(f"{type(error).__name__}: {error}"[:200])
            console.print(f"  {who:8} {setting!s:40} [red]failed[/]: {why}")
    if not speeds:
        raise SystemExit(f"no setting of {who} runs here")
    return max(speeds, key=lambda setting: speeds[setting])


def contest(runs: dict[str, Run], *, warm: int, n_runs: int) -> dict[str, list[float]]:
    """Speeds of alternating runs; the contestants do the same documents at the same time."""
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(warm + n_runs):
        for name, run in runs.items():
            speed = timed(run, number)
            if number >= warm:
                speeds[name].append(speed)
    speeds["ratio"] = [ours / theirs for ours, theirs in zip(speeds["motet"], speeds["package"], strict=True)]
    return speeds


def show(what: str, equal: str, speeds: dict[str, list[float]], best: dict[str, Setting], console: Console) -> None:
    unit, target = TARGETS[what]
    table = Table(f"{what}, equal {equal}", "settings", "median", "slowest", "fastest")
    for name, values in speeds.items():
        figures = (f"{f(values):.2f}" for f in (statistics.median, min, max))
        table.add_row(f"{name}, {unit}" if name in best else name, str(best.get(name, "")), *figures)
    console.print(table)
    ratio = statistics.median(speeds["ratio"])
    console.print(
        f"{what}, equal {equal}: {ratio:.2f} times; target {target}: {'met' if ratio >= target else 'missed'}"
    )


def compare(task: Task, equal: str, what: str, args: argparse.Namespace, known: dict[str, Setting]) -> None:
    """Finds the best settings of both, unless Motet's are known from before, and lets them run in turn."""
    console = Console(width=120)
    ours, theirs = {"train": (motet_training, package_training), "sample": (motet_sampling, package_sampling)}[what]
    depth = matched(task, equal)
    allowed = [s for s in MOTET_SETTINGS if not (args.eager and s.compiled)]
    search = partial(fastest, warm=args.warm, runs=args.trials, console=console)
    console.print(f"{what}, equal {equal}: settings in {TARGETS[what][0]}")
    if what not in known:
        known[what] = search(partial(ours, task), allowed, who="motet")
    make_theirs = partial(theirs, task, depth)
    settings = package_settings(what, lambda some: search(make_theirs, some, who="package"))
    best = search(make_theirs, [s for s in settings if not (args.eager and s.compiled)], who="package")
    torch.compiler.reset()
    runs = {"motet": ours(task, known[what]), "package": make_theirs(best)}
    speeds = contest(runs, warm=args.warm, n_runs=args.runs)
    show(what, equal, speeds, {"motet": known[what], "package": best}, console)


def chosen_recipe(args: argparse.Namespace) -> Transfusion:
    recipe = Transfusion.sizes["tiny" if args.quick else "small"]
    assert isinstance(recipe, Transfusion)
    shape = recipe.backbone
    dim, n_heads = args.dim or shape.dim, args.heads or shape.n_heads
    quarter = dim // n_heads // 4
    backbone = replace(
        shape,
        dim=dim,
        n_heads=n_heads,
        n_layers=args.layers or (6 if args.quick else shape.n_layers),  # of two, none is left at equal parameters
        ffn_dim=args.ffn or shape.ffn_dim,
        rope_axes=(dim // n_heads - 2 * quarter, 0, quarter, quarter),
    )
    codec = replace(recipe.codec, channels=args.channels or recipe.codec.channels)
    return replace(
        recipe,
        backbone=backbone,
        codec=codec,
        image_size=args.side * codec.patch if args.side else recipe.image_size,
        vocab_size=args.vocab or recipe.vocab_size,
        rows=args.rows or recipe.rows,
        row_length=args.row_length or recipe.row_length,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TARGETS, help="train or sample; both without")
    parser.add_argument("--equal", nargs="+", choices=EQUAL, default=list(EQUAL))
    parser.add_argument("--quick", action="store_true", help="the tiny size, few runs: a trial of the script")
    parser.add_argument("--eager", action="store_true", help="leave torch.compile out, for both")
    parser.add_argument("--runs", type=int, help="measured runs of each at its best (15; quick: 2)")
    parser.add_argument("--trials", type=int, help="measured runs of each setting (3; quick: 1)")
    parser.add_argument("--warm", type=int, help="runs before any is measured (4; quick: 1)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--text", type=int, default=6, help="mean words of a document, from half to one and a half")
    parser.add_argument("--documents", type=int, default=1024)
    parser.add_argument("--pictures", type=int, default=16, help="pictures sampled together")
    parser.add_argument("--looks", type=int, help="times that the solver looks at each picture (20; quick: 3)")
    parser.add_argument("--guidance", type=float, default=3.0)
    sizes = parser.add_argument_group("sizes; those of the recipe where not given")
    for name in ("dim", "layers", "heads", "ffn", "channels", "side", "vocab", "rows", "row-length"):
        sizes.add_argument(f"--{name}", type=int)
    args = parser.parse_args()
    for name, value, quick in (("runs", 15, 2), ("trials", 3, 1), ("warm", 4, 1), ("looks", 20, 3)):
        if getattr(args, name) is None:
            setattr(args, name, quick if args.quick else value)
    return args


def main() -> None:
    args = arguments()
    console = Console(width=120)
    torch.set_num_threads(args.threads)
    torch._dynamo.config.recompile_limit = 16  # twice the default: the batches of both have many shapes
    reuse_large_allocations()  # as `motet train` does; the package gains by it too
    sampling = Sampling(guidance=args.guidance, steps=args.looks, solver="euler")
    task = Task(chosen_recipe(args), args.text, args.documents, sampling, args.pictures)
    machine = hardware.choose(torch.device("cpu"), Budget(minutes=10), SETTINGS)
    tokens = statistics.mean(step.tokens for step in task.steps)
    console.print(f"torch {torch.__version__}, {args.threads} threads; `motet train` itself picks {machine.words()}")
    console.print(str(task.recipe.backbone))
    console.print(
        f"{task.latents.shape[1]} latents of {task.latents.shape[2]} numbers and about {args.text} words a document, "
        f"{tokens:.0f} tokens a step; {args.pictures} pictures with {args.looks} looks at each"
    )
    known: dict[str, Setting] = {}
    for equal in args.equal:
        show_sizes(task, equal, matched(task, equal), console)
        for what in [args.only] if args.only else TARGETS:
            compare(task, equal, what, args, known)


if __name__ == "__main__":
    main()
