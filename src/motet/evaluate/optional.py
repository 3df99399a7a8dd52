"""The packages of the `eval` extra, imported when first needed."""

from importlib import import_module
from types import ModuleType

from motet.errors import MissingExtra


def optional(module: str) -> ModuleType:
    """The imported module, e.g. `optional("torchmetrics.image.fid")`.

    Raises MissingExtra if its package is not installed. A package that is there but broken raises its own error.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtra(package, "eval") from error
