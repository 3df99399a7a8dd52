"""What this machine can do, and the precision and compilation chosen for it, each with its reason."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from motet.errors import CapabilityError
from motet.nn.compiler import lacks_for_compiling
from motet.train.settings import Budget, Precision, TrainSettings

_WORTH = 1.2  # bf16 must multiply so many times as fast as fp32, since autocast's casts take time, too
_LONG_MINUTES, _LONG_STEPS = 1.5, 200  # budgets above either repay compilation, which takes seconds


@dataclass(frozen=True)
class Machine:
    """The device with the choices made for it."""

    device: torch.device
    bf16: bool
    compile: bool
    why: dict[str, str]  # the reason for each choice
    peak_flops: float  # FLOP/s of a large matmul in the chosen precision

    @property
    def precision(self) -> Precision:
        return "bf16" if self.bf16 else "fp32"

    def autocast(self) -> AbstractContextManager[object]:
        """The context of forward passes."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def facts(self) -> dict[str, object]:
        """For the log."""
        return {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "torch": torch.__version__,
            "device": str(self.device),
            "threads": torch.get_num_threads(),
            "precision": self.precision,
            "compile": self.compile,
            "why": self.why,
            "peak_flops": self.peak_flops,
        }

    def words(self) -> str:
        """For the reader of the console."""
        return (
            f"{self.precision} ({self.why['precision']}), "
            f"{'compiled' if self.compile else 'not compiled'} ({self.why['compile']}), "
            f"peak {self.peak_flops / 1e9:.0f} GFLOP/s"
        )


def choose(device: torch.device, budget: Budget, settings: TrainSettings, *, begun: Precision = "auto") -> Machine:
    """Settle what `settings` leaves to the machine, by measuring what it multiplies fastest, for half a second or so.

    begun: the precision of the run that goes on; it stays, if this machine has it, lest a measurement changes the bits.

    Raises:
        CapabilityError: bf16 or compilation was demanded and this machine has no means for it.
    """
    bf16, why_bf16 = _choose_bf16(device, settings, begun)
    compile_, why_compile = _choose_compile(device, budget, settings)
    return Machine(
        device=device,
        bf16=bf16,
        compile=compile_,
        why={"precision": why_bf16, "compile": why_compile},
        peak_flops=matmul_peak(device, torch.bfloat16 if bf16 else torch.float32),
    )


def has_bf16(device: torch.device) -> bool:
    """Whether the hardware itself multiplies bf16, be it slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return False


def matmul_peak(device: torch.device, dtype: torch.dtype, seconds: float = 0.2) -> float:
    """The best FLOP/s of a square matmul within `seconds`: what utilisation is measured against."""
    size = 1024 if device.type == "cpu" else 4096
    a, b = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until or best == float("inf"):
        began = time.perf_counter()
        torch.mm(a, b)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best


def _choose_bf16(device: torch.device, settings: TrainSettings, begun: Precision) -> tuple[bool, str]:
    able = has_bf16(device)
    if settings.precision == "bf16" and not able:
        raise CapabilityError(f"precision=bf16, but this {device.type} has no bf16 arithmetic; set precision=auto")
    if settings.precision != "auto":
        return settings.precision == "bf16", "as set"
    if not able:
        return False, f"auto: this {device.type} has no bf16 arithmetic"
    if begun != "auto":
        return begun == "bf16", "auto: as the run began"
    # A CPU may have the instructions and yet multiply fp32 twice as fast.
    gain = matmul_peak(device, torch.bfloat16) / matmul_peak(device, torch.float32)
    return gain >= _WORTH, f"auto: this {device.type} multiplies bf16 {gain:.1f} times as fast as fp32"


def _choose_compile(device: torch.device, budget: Budget, settings: TrainSettings) -> tuple[bool, str]:
    lack = lacks_for_compiling(device)
    if settings.compile == "yes" and lack:
        raise CapabilityError(f"compile=yes, but {lack}; install it, or set compile=no")
    if settings.compile != "auto":
        return settings.compile == "yes", "as set"
    if lack:
        return False, f"auto: {lack}"
    pays = (budget.minutes or 0) > _LONG_MINUTES or (budget.steps or 0) > _LONG_STEPS
    return pays, "auto: the budget repays it" if pays else "auto: the budget is too short to repay it"
