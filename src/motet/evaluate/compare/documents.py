"""Equal documents: those that fit the rows of every arm, so that all runs learn from and are judged on the same."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from motet.data.corpus import Corpus, Split
from motet.data.source import open_source
from motet.evaluate.compare.plan import Arm, Comparison
from motet.recipes.rows import LEFT_OUT, fitting


def too_long(comparison: Comparison, tokenizer: Path) -> tuple[str, ...]:
    """Ids of documents that are longer than the rows of some arm, in the order of the data.

    A warning counts them for each arm. Raises ShapeError if they are too many for one (``motet.recipes.rows``).
    """
    corpus = Corpus.of(open_source(comparison.data), (comparison.side,) * 2)
    fit = [set(_ids(_of(arm, corpus, tokenizer))) for arm in comparison.arms]
    return tuple(one for one in _ids(corpus) if not all(one in ids for ids in fit))


def without(corpus: Corpus, left_out: Collection[str]) -> Corpus:
    """The corpus but for these documents; the same one if there are none of them."""
    if not left_out:
        return corpus
    train, held_out = (_split_without(split, frozenset(left_out)) for split in (corpus.train, corpus.held_out))
    return replace(corpus, train=train, held_out=held_out)


def _of(arm: Arm, corpus: Corpus, tokenizer: Path) -> Corpus:
    return fitting(arm.recipe, arm.recipe.open_text(tokenizer), corpus, at_most=LEFT_OUT)


def _ids(corpus: Corpus) -> Sequence[str]:
    return [document.id for split in (corpus.train, corpus.held_out) for document in split.documents]


def _split_without(split: Split, gone: frozenset[str]) -> Split:
    return replace(split, documents=tuple(document for document in split.documents if document.id not in gone))
