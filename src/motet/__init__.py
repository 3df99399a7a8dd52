"""Motet: one transformer in which text, images, speech and video are sung in one sequence.

The public surface is imported when it is first asked for, so that `import motet` and `motet --help` need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.pipeline import Pipeline
    from motet.recipes.run import load

__version__ = "0.1.0"

__all__ = ["Pipeline", "__version__", "load"]

_HOME = {"Pipeline": "motet.pipeline", "load": "motet.recipes.run"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'motet' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
