"""Where a number comes from: the commit of the code and the machine that ran it."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

_GIT = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def commit() -> str:
    """The hash of the checked-out commit, with "-dirty" if files differ from it; "unknown" outside a repository."""
    try:
        done = subprocess.run(_GIT, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def machine() -> dict[str, Any]:
    """The processor, how many of its cores this process may use, and the version of torch.

    tiles: whether it multiplies bf16 in units of their own (AMX), which decides how fast what is.
    """
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "tiles": torch.cpu._is_amx_tile_supported(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
