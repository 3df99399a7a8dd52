"""What every test runs under: shapes checked at run time, a fixed seed, one thread for each small tensor operation."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import pytest
import torch


def _guard(plain: Callable[..., Any], checked: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs) if torch.compiler.is_compiling() else checked(*args, **kwargs)

    return call


def _tells_shapes(target: Any) -> bool:
    """Whether a signature or a field has a shape: mypy knows other types, and to check them took half of all time."""
    if inspect.isclass(target):
        hints = [field.type for field in dataclasses.fields(target)] if dataclasses.is_dataclass(target) else []
    else:
        hints = list(getattr(target, "__annotations__", {}).values())
    return any("jaxtyping." in repr(hint) for hint in hints)


def _aside_while_compiling(jaxtyped: Callable[..., Any]) -> Callable[..., Any]:
    """`jaxtyped`, but torch.compile traces the bare function: it cannot trace the checker, which inspects signatures.

    Compiled code therefore runs unchecked; the same code is checked wherever a test runs it eagerly.
    """

    def decorator(target: Any = None, *, typechecker: Any) -> Any:
        if target is None:
            return functools.partial(decorator, typechecker=typechecker)
        if not _tells_shapes(target):
            return target
        if inspect.isclass(target):
            plain = target.__init__
            jaxtyped(target, typechecker=typechecker)
            if target.__init__ is not plain:  # a dataclass: its constructor is now checked, in place
                target.__init__ = _guard(plain, target.__init__)
            return target
        if "<locals>" in target.__qualname__:
            return target  # made anew at each call of the function around it: preparing its check costs 1 ms each time
        return _guard(target, jaxtyped(target, typechecker=typechecker))

    return decorator


# Before any test imports motet. The import hook writes `@jaxtyping.jaxtyped(...)` into each module it loads.
jaxtyping.jaxtyped = _aside_while_compiling(jaxtyping.jaxtyped)
jaxtyping.install_import_hook("motet", "beartype.beartype")

# The tensors of tests are small: a second thread costs more than it gives, and sums are the same on every machine.
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _known_peak() -> Iterator[None]:
    """A machine of 1 GFLOP/s, and 2 in bf16: to measure the true peaks takes half a second for each stage of a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("motet.train.hardware.matmul_peak", lambda _, dtype: 2e9 if dtype is torch.bfloat16 else 1e9)
        yield


@pytest.fixture(autouse=True)
def _same_seed() -> None:
    """Tests should draw from a generator of their own; those that build a module draw its weights from this."""
    torch.manual_seed(0)
