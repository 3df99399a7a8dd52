"""The claim on LaVIT's number of tokens: it runs, its arms keep alike, and its rule gives each verdict."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from motet.codecs.dynamic import Dynamic, DynamicShape, Merged
from motet.codecs.selection import AsAsked, Most
from motet.codecs.text import TextCodec
from motet.data.corpus import Corpus
from motet.data.scenes.item import scene_of
from motet.data.scenes.source import ScenesSource
from motet.errors import DataError
from motet.evaluate.claims.claim import ClaimResult
from motet.evaluate.claims.kept_counts import kept_numbers
from motet.evaluate.claims.lavit_dynamic import LaVITDynamic
from motet.evaluate.compare.match import matched, sizes_of


def test_it_runs_at_quick_scale_with_codecs_of_each_seeds_own(
    quickly: Callable[[str], ClaimResult], tmp_path: Path
) -> None:
    result = quickly("lavit-dynamic")
    assert not result.failed
    numbers = {run.arm: run.numbers for run in result.runs}
    ranks = {name for name in LaVITDynamic.measures if name.startswith("kept_rank")}
    assert numbers["dynamic"].keys() == numbers["places"].keys() == LaVITDynamic.measures.keys()
    assert numbers["fixed"].keys() == LaVITDynamic.measures.keys() - ranks
    assert numbers["fixed"]["kept"] == 4 and numbers["fixed"]["kept_spread"] == 0, "half of 9 patches"
    assert numbers["dynamic"]["kept_spread"] > 0 and all(-1 <= numbers["dynamic"][name] <= 1 for name in ranks)
    assert len({found["psnr"] for found in numbers.values()}) == 3, "every arm has a tokenizer of its own"
    assert result.verdict is not None and result.verdict.word == "undecided"  # of one seed
    assert {path.name for path in result.files} >= {"lavit-dynamic.quick.svg", "lavit-dynamic.quick-samples.png"}
    stages = {path.name.partition("-")[0] for path in (tmp_path / "runs/lavit-dynamic.quick/codecs").iterdir()}
    assert stages >= {"painting", "merging", "codec"}


def test_the_full_arms_keep_twelve_of_thirty_six_and_learn_equally_many_parameters() -> None:
    claim = LaVITDynamic()
    (comparison,) = claim.comparisons("full")
    text = TextCodec.learn(["a large green square and three small red stars"] * 9, 500, ["image"])
    first = sizes_of(comparison.arms[0].recipe, text).learned
    assert 1e6 < first < 3e6
    for arm in comparison.arms:
        recipe = matched(arm.recipe, text, first, label=arm.label)
        assert abs(sizes_of(recipe, text).learned / first - 1) <= 0.05
        codec = recipe.build(text).modality("image").codec
        assert isinstance(codec, Dynamic) and isinstance(codec.selection, Most if arm.label == "fixed" else AsAsked)
        assert codec.selection.rate * 36 == 12 and (codec.sentence.places > 0) == (arm.label == "places")
    assert [claim.codec_seed(seed) for seed in claim.seeds("full")] == [0, 1, 2]


class CountsThings(Dynamic):
    """Keeps as many patches as a list says, picture by picture, and draws every picture grey."""

    def __init__(self, kept: list[int]) -> None:
        super().__init__(DynamicShape(patch=8, dim=16, n_heads=2, codebook_size=4, code_dim=2), side=24)
        self.kept: Iterator[int] = iter(kept)

    def merged(self, pixels: torch.Tensor, noise: Any = None, *, threshold: Any = None) -> Merged:
        keep = torch.zeros(len(pixels), 9)
        for row in keep:
            row[: next(self.kept)] = 1.0
        return Merged(keep, keep, keep)

    def autoencode(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(pixels)


def test_kept_counts_are_compared_with_what_scenes_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOTET_CACHE", str(tmp_path))
    corpus = Corpus.of(ScenesSource("kind=caption,level=1-4,size=24,n=100"), (24, 24))
    fresh, held_out = corpus.train, corpus.held_out
    things = [[len(scene_of(document.id).things) for document in split.documents] for split in (fresh, held_out)]
    found = kept_numbers(CountsThings([*things[0], *(9 - n for n in things[1])]), fresh, held_out)
    assert found["kept"] == pytest.approx(sum(things[0]) / len(things[0]))
    assert found["kept_rank"] == found["kept_rank_plain"] == pytest.approx(1)
    assert found["kept_rank_held_out"] == pytest.approx(-1)
    assert 0 < found["kept_rank_area"] < 1
    pixels = fresh.pixels.batch(range(len(fresh.pixels)))
    assert 10 ** (-found["psnr_pooled"] / 10) == pytest.approx(float(pixels.square().mean()) / 4, rel=1e-5)
    same = kept_numbers(CountsThings([3] * 100), fresh, held_out)
    assert same["kept_rank"] == 0.0, "a number that never varies follows nothing"
    questions = Corpus.of(ScenesSource("level=1,size=24,n=20,kind=edits"), (24, 24)).train
    with pytest.raises(DataError, match="give documents of one each"):
        kept_numbers(CountsThings([1] * 200), questions, held_out)


@pytest.mark.parametrize(
    ("word", "rank", "psnr", "frechet"),
    [
        ("holds", 0.6, (22.0, 20.0), (60.0, 80.0)),
        ("does not hold here", 0.01, (22.0, 20.0), (60.0, 80.0)),
        ("does not hold here", 0.6, (20.0, 22.0), (60.0, 80.0)),
        ("does not hold here", 0.6, (22.0, 20.0), (80.0, 60.0)),
        ("undecided", 0.6, (22.0, 20.0), (60.0, 60.5)),
    ],
)
def test_its_rule_gives_each_verdict(
    rigged: Callable[..., Any], word: str, rank: float, psnr: tuple[float, float], frechet: tuple[float, float]
) -> None:
    tight = rigged({"dynamic": {"kept_rank": 0.6, "kept_rank_plain": rank}}, 0.05)["dynamic"]
    clear = rigged({arm: {"psnr_pooled": value} for arm, value in zip(("dynamic", "fixed"), psnr, strict=True)}, 0.2)
    wide = rigged({arm: {"frechet": value} for arm, value in zip(("dynamic", "fixed"), frechet, strict=True)}, 3.0)
    summary = {
        "dynamic": {**tight, **clear["dynamic"], **wide["dynamic"]},
        "fixed": {**clear["fixed"], **wide["fixed"]},
    }
    assert LaVITDynamic().verdict(summary).word == word
