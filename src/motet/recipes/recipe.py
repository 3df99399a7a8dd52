"""What a recipe is: a paper's knobs, the model that they build, and the stages that train it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from motet.codecs.text import TextCodec
from motet.data.corpus import Corpus
from motet.data.orders import Ordering, described
from motet.model import Model
from motet.request import Sampling
from motet.train.objective import Objective
from motet.train.settings import TrainSettings


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    name: what the progress bar shows. share: of the run's minutes (or steps) that it takes. settings: of its loop.
    objective: made when the stage begins, since it may need what earlier stages have learned. After it, ``finish`` runs
    once with the averaged weights in place; what it changes in the objective's module is saved with the stage.
    """

    name: str
    share: float
    settings: TrainSettings
    objective: Callable[[Model, Corpus], Objective]
    finish: Callable[[Model, Corpus], None] = lambda model, corpus: None


@dataclass(frozen=True)
class Recipe(ABC):
    """The knobs of one paper. A concrete recipe is a frozen dataclass; its body is the paper's figure."""

    paper: ClassVar[str]
    summary: ClassVar[str]
    sizes: ClassVar[Mapping[str, "Recipe"]]

    image_size: int
    sampling: Sampling

    @abstractmethod
    def build(self, text: TextCodec) -> Model:
        """The model, freshly initialised from PyTorch's global generator."""

    def describing(self) -> Ordering:
        """How training lays out pairs in which the picture comes first and is described."""
        return described

    def mute(self, taught: Container[str] = ()) -> str:
        """Why its models cannot write of a picture, as a clause; empty where they can.

        taught: what the documents teach whatever the share of pairs with the text first (``Split.taught``).
        """
        return ""

    def handless(self, taught: Container[str] = ()) -> str:
        """Why its models cannot draw a picture, as ``mute``."""
        return ""

    def unread(self) -> tuple[str, ...]:
        """Sampling settings that change no answer of its models: who sets one for this recipe alone is told."""
        return ()

    def idle(self) -> tuple[str, ...]:
        """Settings, or beginnings of their names, that have no effect beside the others: who sets one is told."""
        return ()

    @abstractmethod
    def stages(self, seed: int) -> list[Stage]:
        """The stages that train it, in order."""

    @abstractmethod
    def text_codec(self, corpus: Corpus) -> TextCodec:
        """The tokenizer, trained on the corpus or read from a file."""

    @abstractmethod
    def open_text(self, tokenizer: Path) -> TextCodec:
        """The text codec of a run, from its ``tokenizer.json``."""


def initialised(recipe: Recipe, text: TextCodec, seed: int) -> Model:
    """``recipe.build`` under a seed, leaving the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return recipe.build(text)
