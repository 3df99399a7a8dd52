"""The command line: `motet COMMAND ...`. Commands import what they need when they run, so that --help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motet import __version__
from motet.commands.terminal import INTERRUPTED, Commands, errors, output

app = typer.Typer(
    name="motet",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
data_app = typer.Typer(no_args_is_help=True, help="Look at data before training on it.", rich_markup_mode="rich")
app.add_typer(data_app, name="data")

QUARANTINED = 3
"""Exit code of `motet data check` where something cannot be used."""

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]
RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="See: motet list.", show_default=False)]
Size = Annotated[str, typer.Option("--size", help="One of the recipe's sizes, such as tiny, small or paper.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be given many times.", show_default=False),
]
Guidance = Annotated[
    float | None, typer.Option(help="How strongly pictures follow their prompt; 1 is no guidance.", show_default=False)
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")]
SPEC = "emoji, scenes, folder:PATH or jsonl:PATH"


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"motet {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error arose; works after a command too.")
    ] = False,
) -> None:
    """Train and use unified models: text and pictures in one sequence.

    Begin with [bold]motet demo[/], or [bold]motet train latentlm --data folder:PICTURES --out runs/mine[/].
    """


@app.command()
def demo(
    minutes: Annotated[float, typer.Option(help="How long to train, evaluation not included.")] = 12.0,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/demo"),
) -> None:
    """Train on emoji for some minutes and write a page that shows what was learned.

    [dim]Example:[/] motet demo --minutes 5
    """
    from motet.demo import demo as run_demo

    if run_demo(out=out, minutes=minutes, console=output()) is False:
        raise typer.Exit(INTERRUPTED)


@app.command()
def train(
    recipe: RecipeName,
    data: Annotated[str, typer.Option(metavar="SPEC", help=f"What to train on: {SPEC}.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Folder of the run; by default runs/RECIPE-DATA.", show_default=False),
    ] = None,
    size: Size = "small",
    minutes: Annotated[float | None, typer.Option(help="Train for so many minutes [10].", show_default=False)] = None,
    steps: Annotated[int | None, typer.Option(help="Train for so many steps instead.", show_default=False)] = None,
    seed: Seed = 0,
    changes: Changes = None,
) -> None:
    """Train a recipe into a run folder. The same command again goes on from where it stopped.

    [dim]Example:[/] motet train latentlm --data emoji --minutes 60

    [dim]Example:[/] motet train latentlm --data folder:photos --out runs/photos --set image_size=96
    """
    from motet.commands.options import recipe_of
    from motet.commands.training import Order, budget_of, run_folder
    from motet.commands.training import train as run_train

    run = out or run_folder(recipe, data)
    order = Order(recipe, recipe_of(recipe, size, changes), data, run, budget_of(minutes, steps), seed)
    if not run_train(order, output()):
        raise typer.Exit(INTERRUPTED)


@app.command()
def sample(
    run: RunFolder,
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT...", help="What the pictures shall show.", show_default=False)
    ] = None,
    prompts_file: Annotated[
        Path | None, typer.Option("--prompts", metavar="FILE", help="Prompts, one a line.", show_default=False)
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A picture before each prompt, as one to be edited.", show_default=False),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Pictures of each prompt.")] = 8,
    guidance: Guidance = None,
    steps: Annotated[int | None, typer.Option(help="Solver steps of each latent.", show_default=False)] = None,
    solver: Annotated[str | None, typer.Option(help="euler, heun, ddim, dpmpp_2m ...", show_default=False)] = None,
    temperature: Annotated[float | None, typer.Option(help="Scale of the noise.", show_default=False)] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the first picture of each prompt; the next has the next.")
    ] = 0,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Pixels; by default as trained.", show_default=False)
    ] = None,
    changes: Changes = None,
    out: Annotated[str, typer.Option("-o", "--out", help="A picture, or a folder (ends in /).")] = "samples.png",
) -> None:
    """Draw pictures for prompts, up to 64 at once; each is what it would be alone.

    [dim]Example:[/] motet sample runs/demo "red heart" -n 8 --guidance 3 --steps 10 --seed 0 -o out.png

    [dim]Example:[/] motet sample runs/demo --prompts names.txt -n 1 -o pictures/

    [dim]Example:[/] motet sample runs/edits "make the ring orange" --picture ring.png

    A picture file holds a row for each prompt; one prompt with -n 1 gives just the picture. Edits ask for a
    run that has learned them, as from --data scenes:kind=mixed; a row then begins with the given picture.

    What is not given is as the run has it. --set takes any such setting, as in --set guidance_interval=0.1,0.9.
    """
    from motet.commands.options import pixels_of, prompts_of, sampling_of
    from motet.commands.sampling import Wanted
    from motet.commands.sampling import sample as run_sample

    given = {"guidance": guidance, "steps": steps, "solver": solver, "temperature": temperature}
    wanted = Wanted(prompts_of(prompts, prompts_file), n, seed, pixels_of(size), picture)
    how = sampling_of(run, given, changes, want="image")
    run_sample(
        run, wanted, sampling=how, out=Path(out), folder=out.endswith("/") or Path(out).is_dir(), console=errors()
    )


@app.command()
def describe(
    run: RunFolder,
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Picture files.", show_default=False)],
    question: Annotated[
        str | None, typer.Option(help="Asked of each picture: its answer is written.", show_default=False)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Softness; 0 takes the likeliest words.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of each caption, where the temperature is above 0.")] = 0,
    changes: Changes = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list of picture and caption.")] = False,
) -> None:
    """Write a caption for each picture, or the answer to a question about it, one a line, up to 64 at once.

    [dim]Example:[/] motet describe runs/demo heart.png photos/*.jpg

    [dim]Example:[/] motet describe runs/scenes scene.png --question "how many stars are there?"

    A picture that cannot be read has an empty line, and is named at the end; the exit code is then 2.
    """
    from motet.commands import describing
    from motet.commands.options import sampling_of

    sampling = sampling_of(run, {"text_temperature": temperature}, changes, want="text")
    described = describing.describe(run, pictures, question=question, sampling=sampling, seed=seed)
    typer.echo(describing.as_json(described) if as_json else describing.as_lines(described))
    describing.check_read(described)


@app.command("eval")
def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Other data than the run's own.", show_default=False)
    ] = None,
    n: Annotated[
        int, typer.Option("-n", min=1, metavar="N", help="Trained pairs to judge, at most; of held-out ones all.")
    ] = 400,
    documents: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Documents of a split to look at, at most; pictures are sought among theirs."
        ),
    ] = 10_000,
    guidance: Guidance = None,
    steps: Annotated[int | None, typer.Option(help="Solver steps of each latent.", show_default=False)] = None,
    changes: Changes = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results [RUN/eval].", show_default=False)] = None,
) -> None:
    """Measure a run: losses, reconstruction, retrieval, captions, distances and drift, as JSON and as a page.

    [dim]Example:[/] motet eval runs/demo -n 400
    """
    from motet.commands.options import data_of, sampling_of
    from motet.evaluate.run import evaluate_run

    sampling, spec = sampling_of(run, {"guidance": guidance, "steps": steps}, changes), data_of(run, data)
    evaluate_run(run, data=spec, n=n, documents=documents, sampling=sampling, out=out, console=output())


@data_app.command("check")
def check_data(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help=f"{SPEC}.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="Quarantine file; by default where training looks.", show_default=False)
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Contact sheet; by default in the cache folder.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Read every document, report what is there, draw a contact sheet, and quarantine what cannot be used.

    [dim]Example:[/] motet data check folder:photos --sheet sheet.png

    Exit code 0: everything can be used. 3: something is quarantined; training skips exactly that.
    """
    from motet.commands import checking

    if not checking.check_data(spec, out=out, sheet=sheet, as_json=as_json):
        raise typer.Exit(QUARANTINED)


@app.command()
def show(
    recipe: RecipeName,
    size: Size = "small",
    data: Annotated[
        str | None, typer.Option(metavar="SPEC", help=f"Documents to show: {SPEC}.", show_default=False)
    ] = None,
    changes: Changes = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Picture of the attention mask.")] = Path("mask.png"),
) -> None:
    """Print a recipe's paper, knobs, parameters and layout, and draw its attention mask.

    [dim]Example:[/] motet show latentlm --size small -o mask.png
    """
    from motet.commands.options import recipe_of
    from motet.show import show as show_recipe

    show_recipe(recipe, recipe_of(recipe, size, changes), data=data, out=out, console=output())


@app.command("list")
def list_recipes() -> None:
    """List the recipes, each with its paper and sizes.

    [dim]Example:[/] motet list
    """
    from motet.recipes.registry import RECIPES

    console = output()
    for name, recipe in RECIPES.items():
        console.print(f"[bold]{name}[/]  {recipe.summary}", soft_wrap=True)
        console.print(f"  [dim]{recipe.paper}; sizes: {', '.join(recipe.sizes)}[/]", soft_wrap=True)


@app.command()
def claims(
    name: Annotated[
        str | None, typer.Argument(metavar="CLAIM", help="A claim; without one they are listed.", show_default=False)
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="Seconds, to see that it runs; or the real thing.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("docs/claims"),
) -> None:
    """Measure a paper's claim at small scale and write down what came out.

    [dim]Example:[/] motet claims latentlm-sigma --full
    """
    from motet.evaluate.claims import CLAIMS, run_claim

    console = output()
    if name is None:
        for claim in CLAIMS.values():
            console.print(f"[bold]{claim.name}[/]  {claim.statement}")
            console.print(f"  [dim]{claim.source}[/]")
        return
    result = run_claim(name, out=out, scale="quick" if quick else "full", console=console)
    if result.verdict is None:
        raise typer.Exit(INTERRUPTED)


@app.command()
def compare(
    recipes: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE...", help="See: motet list. NAME=RECIPE for a variant.", show_default=False),
    ],
    data: Annotated[str, typer.Option(metavar="SPEC", help=f"What to train on: {SPEC}.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the runs and the page.")] = Path("runs/compare"),
    budget: Annotated[str, typer.Option(help="Of each run: 5m, 1.5e15flops or 20000samples.")] = "5m",
    seeds: Annotated[int, typer.Option(help="Runs of each recipe.")] = 3,
    size: Size = "study",
    codecs: Annotated[
        str | None,
        typer.Option(
            help="For each codec's stage, once for all runs: 5m or 400steps [half of --budget].", show_default=False
        ),
    ] = None,
    parameters: Annotated[
        float | None,
        typer.Option(help="Learned parameters of each model, codecs apart [the first's].", show_default=False),
    ] = None,
    judged: Annotated[int, typer.Option("-n", min=2, metavar="N", help="Held-out documents that are judged.")] = 192,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="[RECIPE.]NAME=VALUE", help="Change a setting of one or all.", show_default=False
        ),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed runs again.")] = False,
) -> None:
    """Train recipes at an equal budget on the same data, over seeds, and write a page that compares them.

    [dim]Example:[/] motet compare latentlm transfusion vq --data scenes --budget 5m --seeds 3

    [dim]Example:[/] motet compare paper=latentlm ours=latentlm --data emoji --set ours.doubt=1

    Ctrl-C saves, and the same command goes on. More recipes and seeds may be added later, beside those that are there.
    """
    from motet.commands.compare import Asked, run_compare

    asked = Asked(recipes, data, budget, seeds, size, changes or [], codecs, parameters, judged)
    found = run_compare(asked, out, retry=retry, console=output())
    if found.missing:
        raise typer.Exit(INTERRUPTED)
    if found.failures:
        raise typer.Exit(1)


def main() -> None:
    """The program `motet`."""
    app()


if __name__ == "__main__":
    main()
