"""The tiny objective, however pytest imports the tests beside it; and no waiting for a peak that no test asks for."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def known_peak(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A machine of 1 GFLOP/s, except for tests about the peak."""
    if "peak" not in request.node.name:
        monkeypatch.setattr("motet.train.hardware.matmul_peak", lambda *_: 1e9)
