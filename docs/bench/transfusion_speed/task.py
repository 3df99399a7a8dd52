"""The task of both contestants: documents, the steps that train on them, prompts to sample for, optimiser settings.

The documents are random words of an invented language and random latents. The steps are laid out from Motet's own
batches, so that the package can be given the documents of each.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from motet.codecs.text import BEGIN, END, TextCodec, marks
from motet.data.corpus import Corpus, Split
from motet.data.document import Document
from motet.data.loader import Order
from motet.model import TEXT, Model
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import initialised
from motet.recipes.train_joint import Mixture, TrainJointly
from motet.recipes.transfusion import Transfusion
from motet.request import Sampling
from motet.sequence import Segment
from motet.train.settings import TrainSettings

TRAIN_SETTINGS = TrainSettings(optimizer="adamw", lr=1e-4)
PLANNED = 32
"""Training steps that are laid out; more runs begin again."""


class Step(NamedTuple):
    """One step of training: where its batch begins in the stream, its documents, and their tokens."""

    cursor: int
    documents: list[int]
    tokens: int


@dataclass(frozen=True)
class Encoded(Split):
    """Documents that are encoded already."""

    segments: tuple[list[Segment], ...] = ()

    def encoded(self, model: Model) -> list[list[Segment]]:
        return list(self.segments)


class Task:
    """What both contestants do: the same documents in the same steps, the same prompts."""

    def __init__(self, recipe: Transfusion, text_tokens: int, n_documents: int, sampling: Sampling, pictures: int):
        self.recipe, self.sampling, self.pictures = recipe, sampling, pictures
        self.text = invented_language(recipe.vocab_size)
        self.grid = recipe.grid(recipe.codec.patch)
        rng = np.random.default_rng(0)
        first_word = 1 + max(self.text.id_of(mark) for mark in (BEGIN, END, *marks(IMAGE)))
        lengths = rng.integers(text_tokens // 2, text_tokens + text_tokens // 2 + 1, n_documents)
        self.words = [torch.from_numpy(rng.integers(first_word, self.text.vocab_size, n)) for n in lengths]
        shape = (n_documents, math.prod(self.grid), recipe.codec.channels)
        self.latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        self.steps = self._planned()

    def model(self) -> Model:
        return initialised(self.recipe, self.text, 0)

    def objective(self) -> TrainJointly:
        """What ``motet train`` trains, over these documents with the text always first."""
        segments = tuple(
            [Segment(TEXT, words), Segment(IMAGE, latents, self.grid)]
            for words, latents in zip(self.words, self.latents, strict=True)
        )
        split = Encoded(tuple(Document(str(i), ()) for i in range(len(segments))), (0, 0), segments=segments)
        return TrainJointly(
            self.model(),
            Corpus("random", split, split),
            Mixture(rows=self.recipe.rows, length=self.recipe.row_length, text_first=1.0),
            sampling=self.sampling,
            seed=0,
        )

    def prompts(self, number: int) -> list[Tensor]:
        return [self.words[(number * self.pictures + i) % len(self.words)] for i in range(self.pictures)]

    def _planned(self) -> list[Step]:
        objective, steps, cursor = self.objective(), [], 0
        order = Order(np.full(len(self.words), 1 / len(self.words)), seed=0)
        for _ in range(PLANNED):
            (packed, _), following = objective.batch(cursor)
            documents = [order[k] for k in range(cursor, following)]
            tokens = sum(len(self.words[d]) + self.latents.shape[1] for d in documents)
            special = 4 * len(documents)  # begin, open, close, end
            assert packed.n_tokens == tokens + special, "the package must be given the documents of Motet's batch"
            steps.append(Step(cursor, documents, tokens))
            cursor = following
        return steps


def invented_language(vocab_size: int) -> TextCodec:
    """A tokenizer of so many ids, learned from random words."""
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return TextCodec.learn(["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(4000)], vocab_size, [IMAGE])
