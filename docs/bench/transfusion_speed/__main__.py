"""Transfusion: training tokens/s and sampled pictures/s of Motet and of the package transfusion-pytorch, one process.

    pip install transfusion-pytorch==0.20.0            # beside Motet, for this alone: it is no dependency
    python docs/bench/transfusion_speed                # the recipe's small size
    python docs/bench/transfusion_speed --only sample --equal shape --pictures 4
    python docs/bench/transfusion_speed --quick --eager  # does it run at all?

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
import statistics
from dataclasses import replace

import torch
from contest import TARGETS, compare
from contestant import Setting
from rich.console import Console
from sizes import EQUAL, matched, show_sizes
from task import TRAIN_SETTINGS, Task

from motet.recipes.transfusion import Transfusion
from motet.request import Sampling
from motet.train import hardware
from motet.train.memory import reuse_large_allocations
from motet.train.settings import Budget


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
    machine = hardware.choose(torch.device("cpu"), Budget(minutes=10), TRAIN_SETTINGS)
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
