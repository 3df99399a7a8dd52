"""Options as they are typed, to what the library takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from motet.config import override
from motet.errors import ConfigError, DataError
from motet.recipes.recipe import Recipe
from motet.recipes.run import read_config, recipe_class
from motet.request import Sampling


def recipe_of(name: str, size: str, changes: Sequence[str] | None) -> Recipe:
    """A recipe's size with settings changed.

    Raises ConfigError for an unknown recipe, size or setting, for a value that does not fit its setting, and for a
    change that has no effect beside the others.
    """
    sizes = recipe_class(name).sizes
    if size not in sizes:
        raise ConfigError(f"recipe {name} has no size {size!r}; expected one of: {', '.join(sizes)}")
    recipe = override(sizes[size], changes or [])
    for change in changes or []:
        setting = change.partition("=")[0].strip()
        if setting.startswith(recipe.idle()):
            raise ConfigError(
                f"{change} has no effect on {name} as its other settings are; leave it out, or change them"
            )
    return recipe


def sampling_of(run: Path, given: Mapping[str, Any], changes: Sequence[str] | None) -> Sampling:
    """A run's sampling settings, changed by options (None: not given) and by --set.

    Raises CheckpointError if there is no run, ConfigError for an unknown setting and for one that is given twice.
    """
    typed = [f"{name}={value}" for name, value in given.items() if value is not None]
    return override(read_config(run).build().sampling, [*typed, *(changes or [])])


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
