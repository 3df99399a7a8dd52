"""The compiler behind `torch.compile`: what it needs on this machine, and how a model is rid of what it made."""

import shutil
import sysconfig
from pathlib import Path
from typing import Any

import torch
from torch import nn


def lacks_for_compiling(device: torch.device) -> str | None:
    """What `torch.compile` would need on this machine and does not find, or None."""
    if device.type == "cuda":
        return None
    if not (shutil.which("g++") or shutil.which("clang++")):
        return "neither g++ nor clang++ is on PATH"
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return "Python's C headers (Python.h) are not installed"
    return None


def options_for_products() -> dict[str, Any]:
    """Options of the compiler for code that is mostly matrix-vector products, as far as its version knows them.

    What reads more than two buffers is computed once: else a norm is computed anew for each row of the matrix behind
    it. And a product and its sum may be one instruction. Together 10 % of a token of SmolLM2-135M.
    """
    from torch._inductor import list_options  # takes seconds to import

    wanted = {"realize_acc_reads_threshold": 2, "cpp.enable_floating_point_contract_flag": "fast"}
    known = set(list_options())
    return {name: value for name, value in wanted.items() if name in known}


def forget_compiled(model: nn.Module) -> None:
    """Undoes every `part.compile()` in the model, and what the compiler has noted about shapes.

    Compiled code rounds otherwise than plain code. A stage that finds its model as it would in a new process gives the
    same bits whether the stage before it ran here or was loaded. So parts are compiled as modules alone: a method that
    is replaced by its compiled form would not be found.
    """
    compiled = [part for part in model.modules() if part._compiled_call_impl is not None]
    for part in compiled:
        part._compiled_call_impl = None
    if compiled:
        torch.compiler.reset()
