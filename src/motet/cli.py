"""The command line: `motet COMMAND ...`. Commands import what they need when they run, so that --help is quick."""

from typing import Annotated

import typer

from motet import __version__

app = typer.Typer(name="motet", no_args_is_help=True, add_completion=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"motet {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Train and use unified models: text, images, speech and video in one sequence."""


def main() -> None:
    app()


if __name__ == "__main__":
    main()
