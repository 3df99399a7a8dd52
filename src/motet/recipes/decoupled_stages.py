"""What Janus' stages need of a model: its reading encoder, the parts that its first stage trains, how codes begin."""

from collections.abc import Iterable
from dataclasses import replace

from torch import nn

from motet.codecs.codebook import Codebook
from motet.codecs.decoupled import Decoupled
from motet.codecs.features import Features
from motet.codecs.semantic_vq import SemanticVQ
from motet.data.corpus import Corpus
from motet.embed.aligner import AlignedCodes
from motet.model import Model
from motet.recipes.pictures import IMAGE
from motet.recipes.recipe import Stage
from motet.train.objective import Objective


def reader(model: Model) -> Features:
    """The understanding encoder: what reads pictures, or what a semantic tokenizer learns from."""
    codec = model.modality(IMAGE).codec
    if isinstance(codec, Decoupled):
        return codec.given
    assert isinstance(codec, SemanticVQ)
    return codec.teacher


def adaptors(model: Model) -> Iterable[nn.Module]:
    """What the paper's first stage trains: the ways in and out of pictures."""
    picture = model.modality(IMAGE)
    return picture.embed, picture.head


def from_codebook(stage: Stage) -> Stage:
    """The stage, before which the vectors of codes start as the codebook's."""

    def objective(model: Model, corpus: Corpus) -> Objective:
        codebooks = [part.codes for part in model.modality(IMAGE).codec.modules() if isinstance(part, Codebook)]
        tables = [part for part in model.modality(IMAGE).embed.modules() if isinstance(part, AlignedCodes)]
        for table, codes in zip(tables, codebooks, strict=True):
            table.start_from(codes)
        return stage.objective(model, corpus)

    return replace(stage, objective=objective)


def without_teacher(stage: Stage) -> Stage:
    """The stage, which does not train the encoder that it learns from."""

    def objective(model: Model, corpus: Corpus) -> Objective:
        made = stage.objective(model, corpus)
        reader(model).requires_grad_(False)
        return made

    return replace(stage, objective=objective)
