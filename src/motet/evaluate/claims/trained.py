"""Claims whose arms are recipes: each is trained and measured just as `motet compare` does it.

Such a claim gives one comparison or several; the arms of one learn equally many parameters, and codecs are trained once
for all runs. It says which of the measured numbers it is about, what else it measures on a trained run, and what it
expects of them.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console

from motet.config import to_dict
from motet.data.corpus import Corpus
from motet.data.source import open_source
from motet.evaluate.claims.arm_plots import arms_plot, drawn_rows
from motet.evaluate.claims.claim import Claim, Job, Measured, Plot, RunRecord, Scale, Summary, Verdict
from motet.evaluate.claims.expected import Expectation, rule_of, verdict_of
from motet.evaluate.compare.documents import too_long
from motet.evaluate.compare.plan import Comparison, jobs
from motet.evaluate.compare.plan import Job as CompareJob
from motet.evaluate.compare.prepare import SEED
from motet.evaluate.compare.run import corpus_of, equally_large
from motet.evaluate.compare.run_one import carried_out, load_shown, save_shown, tidied
from motet.pipeline import Pipeline
from motet.recipes.run import load


@dataclass(frozen=True)
class TrainedRun:
    """A run that is trained and measured, for what a claim wants to know besides."""

    arm: str
    seed: int
    pipeline: Pipeline
    corpus: Corpus
    scale: Scale


class TrainedClaim(Claim):
    """A concrete claim sets ``expected``, and ``measures`` by the names of ``motet compare`` or of ``also``."""

    expected: ClassVar[Sequence[Expectation]]
    plotted: ClassVar[Sequence[str]]
    """The measures that are drawn, a panel each."""
    meaningless: ClassVar[Mapping[str, Sequence[str]]] = {}
    """By arm, measures that say nothing of it, such as pictures of one that never learned to draw: they are not told.
    ``drawn`` among them: its pictures are not shown."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "expected" in cls.__dict__:
            cls.rule = rule_of(cls.expected)

    @abstractmethod
    def comparisons(self, scale: Scale) -> Sequence[Comparison]:
        """What is trained, all under the same seeds; arms have names of their own."""

    def also(self, run: TrainedRun) -> dict[str, float]:
        """Numbers that ``motet compare`` does not take."""
        return {}

    def codec_seed(self, seed: int) -> int:
        """Of the codecs that runs of this seed use: one set for all, unless a claim is about codecs themselves."""
        return SEED

    def arms(self, scale: Scale) -> list[str]:
        return [arm.label for comparison in self.comparisons(scale) for arm in comparison.arms]

    def seeds(self, scale: Scale) -> tuple[int, ...]:
        return self.comparisons(scale)[0].seeds

    def setting(self, scale: Scale) -> dict[str, Any]:
        return {
            "comparisons": [to_dict(comparison) for comparison in self.comparisons(scale)],
            "codec_seeds": [self.codec_seed(seed) for seed in self.seeds(scale)],
        }

    def run(self, job: Job) -> Measured | None:
        comparison, one = self._compared(job)
        record = carried_out(one, job.console, codec_seed=self.codec_seed(job.seed))
        if record is None:
            return None
        corpus = Corpus.of(open_source(comparison.data), (comparison.side,) * 2)
        also = self.also(TrainedRun(job.arm, job.seed, load(one.folder), corpus, job.scale))
        shown = load_shown(record.prompts, one.folder)
        meaningless = self.meaningless.get(job.arm, ())
        if shown is not None and "drawn" not in meaningless:
            save_shown(shown, job.folder)
        numbers = {**record.numbers, **also}
        told = [name for name in self.measures if name in numbers and name not in meaningless]
        return Measured({name: numbers[name] for name in told})

    def tidy(self, job: Job) -> None:
        tidied(self._compared(job)[1])

    def _compared(self, job: Job) -> tuple[Comparison, CompareJob]:
        """The comparison that a run belongs to, and the run as a run of it."""
        comparison = next(one for one in self.comparisons(job.scale) if job.arm in [arm.label for arm in one.arms])
        todo = _todo(comparison, job.folder.parent, job.console)
        return comparison, next(each for each in todo if (each.arm, each.seed) == (job.arm, job.seed))

    def verdict(self, summary: Summary) -> Verdict:
        return verdict_of(self.expected, summary)

    def plots(self, runs: Sequence[RunRecord], summary: Summary, folder: Path) -> list[Plot]:
        arms = list(summary)
        panels = {name: self.measures[name] for name in self.plotted}
        plots = [Plot("", "measures by arm", arms_plot(arms, panels, runs), "Dots are seeds, bars 95 % intervals.")]
        seed = min(run.seed for run in runs)
        rows = {arm: load_shown([], folder / f"{arm}-{seed}") for arm in arms}
        drawn = {arm: row for arm, row in rows.items() if row is not None}
        if drawn:
            note = f"First row: true pictures of held-out texts. Below, seed {seed}: {', '.join(drawn)}."
            if len({row.true.numpy().tobytes() for row in drawn.values()}) > 1:
                note += " An arm of other texts has their true pictures above it."
            plots.append(Plot("-samples", "drawn from held-out texts", drawn_rows(list(drawn.values())), note))
        return plots


@cache
def _todo(comparison: Comparison, out: Path, console: Console) -> tuple[CompareJob, ...]:
    """Once for all runs of a claim: to match every arm, and read every text, takes as long as a short stage."""
    equal = equally_large(comparison, corpus_of(comparison), out, console)
    return tuple(jobs(equal, out, too_long(equal, out / "tokenizer.json")))
