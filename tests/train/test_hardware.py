"""Precision, compilation and memory are chosen by what the machine can do."""

import os
import platform
import shutil
import signal
from pathlib import Path

import pytest
import tiny_objective as tiny
import torch
from rich.console import Console

from motet.errors import CapabilityError
from motet.train import hardware, log
from motet.train.hardware import matmul_peak  # the true one: what the module holds is replaced while tests run
from motet.train.loop import Budget, train
from motet.train.memory import reuse_large_allocations

CPU = torch.device("cpu")


@pytest.mark.parametrize("able", [True, False])
def test_bf16_is_chosen_exactly_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch, able: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able)
    machine = hardware.choose(CPU, Budget(steps=1), tiny.settings(precision="auto"))
    with machine.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if able else torch.float32)
    if not able:
        with pytest.raises(CapabilityError, match="precision=auto"):
            hardware.choose(CPU, Budget(steps=1), tiny.settings(precision="bf16"))


@pytest.mark.parametrize(("gain", "chosen"), [(4.4, "bf16"), (1.3, "bf16"), (1.1, "fp32"), (0.5, "fp32")])
def test_bf16_is_left_where_fp32_multiplies_as_fast(monkeypatch: pytest.MonkeyPatch, gain: float, chosen: str) -> None:
    monkeypatch.setattr(hardware, "has_bf16", lambda _: True)
    monkeypatch.setattr(hardware, "matmul_peak", lambda _, dtype: 1e9 * (gain if dtype is torch.bfloat16 else 1))
    machine = hardware.choose(CPU, Budget(steps=1), tiny.settings(precision="auto"))
    assert machine.precision == chosen and f"{gain:.1f} times" in machine.words()
    assert machine.peak_flops == pytest.approx(1e9 * (gain if chosen == "bf16" else 1))
    assert hardware.choose(CPU, Budget(steps=1), tiny.settings(precision="bf16")).precision == "bf16"


def test_a_run_that_goes_on_keeps_its_precision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hardware, "has_bf16", lambda _: True)
    settings = tiny.settings(precision="auto", eval_at=(), preview_at=())
    stop = {tiny.cursors(2)[1]: lambda: os.kill(os.getpid(), signal.SIGINT)}
    for gain, at in ((0.5, stop), (4.4, None)):
        peaks = {torch.bfloat16: gain, torch.float32: 1.0}
        monkeypatch.setattr(hardware, "matmul_peak", lambda _, dtype, peaks=peaks: peaks[dtype])
        train(tiny.Tiny(at), Budget(steps=4), settings, tmp_path, "model", console=Console(quiet=True))
    starts = [line for line in log.read(tmp_path) if line["event"] == "start"]
    assert [(start["step"], start["precision"]) for start in starts] == [(0, "fp32"), (2, "fp32")]
    assert "as the run began" in starts[1]["why"]["precision"]


@pytest.mark.parametrize(
    ("budget", "pays"),
    [
        (Budget(steps=200), False),
        (Budget(steps=201), True),
        (Budget(minutes=1.5), False),
        (Budget(minutes=5 * 0.2 / 0.6), True),  # Janus' last stage in a comparison of five minutes
    ],
)
def test_compilation_is_chosen_where_the_budget_repays_it(
    monkeypatch: pytest.MonkeyPatch, budget: Budget, pays: bool
) -> None:
    monkeypatch.setattr(hardware, "lacks_for_compiling", lambda _: None)
    assert hardware.choose(CPU, budget, tiny.settings()).compile is pays
    assert not hardware.choose(CPU, budget, tiny.settings(compile="no")).compile


def test_without_a_compiler_nothing_is_compiled_and_a_demand_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    machine = hardware.choose(CPU, Budget(steps=9999), tiny.settings())
    assert not machine.compile and "g++" in machine.why["compile"]
    with pytest.raises(CapabilityError, match="compile=no"):
        hardware.choose(CPU, Budget(steps=1), tiny.settings(compile="yes"))


@pytest.mark.parametrize("demand", ["yes", "no"])
def test_the_objective_is_compiled_when_chosen_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demand: str
) -> None:
    monkeypatch.setattr(hardware, "lacks_for_compiling", lambda _: None)
    objective = tiny.Tiny()
    settings = tiny.settings(compile=demand, eval_at=(), preview_at=())
    train(objective, Budget(steps=1), settings, tmp_path, "model", console=Console(quiet=True))
    start = log.read(tmp_path)[0]
    assert objective.compiled is start["compile"] is (demand == "yes")
    assert start["why"]["compile"] == "as set" and start["precision"] == "fp32"


def test_the_measured_peak_is_that_of_a_matmul() -> None:
    peak = matmul_peak(CPU, torch.float32, 0.02)
    assert 1e8 < peak < 1e15


def test_memory_is_kept_on_glibc_and_left_alone_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.libc_ver()[0] == "glibc":
        assert reuse_large_allocations() == "glibc keeps freed blocks"
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert reuse_large_allocations() == "left as it is: not glibc"
