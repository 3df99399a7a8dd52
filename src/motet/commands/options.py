"""Options as they are typed, to what the library takes."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from motet.config import override
from motet.data.source import open_source
from motet.errors import ConfigError, DataError
from motet.recipes.recipe import Recipe
from motet.recipes.run import read_config, recipe_class
from motet.recipes.weightless import weightless
from motet.request import Sampling, effective


def recipe_of(name: str, size: str, changes: Sequence[str] | None, *, shared: Sequence[str] = ()) -> Recipe:
    """A recipe's size with settings changed.

    shared: changes of all recipes of a comparison, made first; some may have no use for a sampling setting.
    Raises ConfigError for an unknown recipe, size or setting, for a value that does not fit its setting, and for a
    change that has no effect beside the others.
    """
    sizes = recipe_class(name).sizes
    if size not in sizes:
        raise ConfigError(f"recipe {name} has no size {size!r}; expected one of: {', '.join(sizes)}")
    own = list(changes or [])
    recipe = override(sizes[size], [*shared, *own])
    unread = recipe.unread() if any(_setting(change).startswith("sampling.") for change in own) else ()
    for change in [*shared, *own]:
        setting = _setting(change)
        if setting.startswith(recipe.idle()) or (setting in unread and change in own):
            raise ConfigError(
                f"{change} has no effect on {name} as its other settings are; leave it out, or change them"
            )
    return recipe


def _setting(change: str) -> str:
    """The name in "name = value"."""
    return change.partition("=")[0].strip()


def sampling_of(
    run: Path, given: Mapping[str, Any], changes: Sequence[str] | None, *, want: str | None = None
) -> Sampling:
    """A run's sampling settings, changed by options (None: not given) and by --set, for answers of modality ``want``.

    Raises CheckpointError if there is no run, ConfigError for an unknown setting, for one that is given twice, and for
    one that changes nothing about such answers of this model.
    """
    recipe = read_config(run).build()
    typed = [f"{name}={value}" for name, value in given.items() if value is not None]
    changed = [*typed, *(changes or [])]
    sampling = override(recipe.sampling, changed)
    if changed:
        _check_effect(run, recipe, [_setting(change) for change in changed], want)
    return sampling


def _check_effect(run: Path, recipe: Recipe, names: Sequence[str], want: str | None) -> None:
    effect = effective(weightless(recipe, recipe.open_text(Path(run) / "tokenizer.json")), want)
    idle = [name for name in names if name not in effect]
    if idle:
        useful = [field.name for field in fields(Sampling) if field.name in effect]
        raise ConfigError(
            f"{' and '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect on any {want or 'answer'} of {run} "
            f"({recipe.paper}); leave it out. These have: {', '.join(useful)}"
        )


def data_of(run: Path, given: str | None) -> str:
    """What a run is judged on: the data that is given, or what it learned from.

    Raises CheckpointError if there is no run, and DataError for data that are not there.
    """
    if given is not None:
        return given
    spec = read_config(run).data
    try:
        open_source(spec)
    except DataError as error:
        raise DataError(f"{error}. {run} learned from it: say with --data where it is now, or what else") from error
    return spec


def prompts_of(given: Sequence[str] | None, file: Path | None) -> list[str]:
    """Prompts from the command line, then those of a file: one a line, empty lines left out.

    Raises DataError if there are none, or the file cannot be read.
    """
    prompts = list(given or [])
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"the prompts {file} cannot be read ({error}); give a UTF-8 file with one a line"
            ) from error
        prompts += [line.strip() for line in lines if line.strip()]
    if not prompts:
        where = f"{file} holds none" if file else "none was given"
        raise DataError(f'there is no prompt: {where}; give some, as in: motet sample RUN "red heart"')
    return prompts


def pixels_of(size: str | None) -> tuple[int, int] | tuple[()]:
    """ "48x64" as (48, 64) = (height, width); () for None.

    Raises ConfigError for anything else.
    """
    if size is None:
        return ()
    sides = size.lower().split("x")
    if len(sides) != 2 or not all(side.strip().isdecimal() and int(side) for side in sides):
        raise ConfigError(f"--size is {size!r}; expected HEIGHTxWIDTH in pixels, for example 48x64")
    return int(sides[0]), int(sides[1])
