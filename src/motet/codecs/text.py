"""Text to ids and back: byte-level BPE trained on the data, or any ``tokenizer.json``."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from jaxtyping import Int
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import Tensor

from motet.codecs.codec import Codec
from motet.errors import CheckpointError
from motet.types import PathLike, Raw
from motet.whole import whole

BEGIN = "<|document|>"
END = "<|end|>"


def marks(modality: str) -> tuple[str, str]:
    """The tokens that open and close a modality inside the text stream."""
    return f"<|{modality}|>", f"<|/{modality}|>"


class TextCodec(Codec):
    """Byte-level ids. Text is spelt as it stands: the names of special tokens inside it are ordinary characters."""

    def __init__(self, tokenizer: Tokenizer, *, begin: str = BEGIN, end: str = END):
        super().__init__()
        self.tokenizer = tokenizer
        self.tokenizer.encode_special_tokens = True
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.begin = self.id_of(begin)
        self.end = self.id_of(end)

    @staticmethod
    def learn(texts: Iterable[str], vocab_size: int, modalities: Iterable[str] = ()) -> "TextCodec":
        """Learns a byte-level BPE of ``vocab_size`` ids, special tokens included."""
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
        tokenizer.decoder = ByteLevelDecoder()
        special = [BEGIN, END, *(mark for modality in modalities for mark in marks(modality))]
        trainer = BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=special,
            initial_alphabet=ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return TextCodec(tokenizer)

    @staticmethod
    def load(path: PathLike, *, begin: str = BEGIN, end: str = END, modalities: Iterable[str] = ()) -> "TextCodec":
        """Reads a ``tokenizer.json``; missing begin, end and modality tokens are added behind its vocabulary.

        Raises CheckpointError if there is none, or if it cannot be read.
        """
        if not Path(path).is_file():
            raise CheckpointError(
                f"no tokenizer at {path}; expected a tokenizer.json as the library 'tokenizers' writes"
            )
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more precise
            raise CheckpointError(
                f"{path} cannot be read as a tokenizer ({error}); expected a tokenizer.json as the library "
                "'tokenizers' writes"
            ) from error
        wanted = [begin, end, *(mark for modality in modalities for mark in marks(modality))]
        missing = [token for token in wanted if tokenizer.token_to_id(token) is None]
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in missing])
        return TextCodec(tokenizer, begin=begin, end=end)

    def save(self, path: PathLike) -> None:
        with whole(Path(path)) as partial:
            partial.write_text(self.tokenizer.to_str(pretty=True), encoding="utf-8")  # the library's own save panics

    @property
    def vocab_size(self) -> int:
        """One more than the largest id; ids between may be unused."""
        return 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values())

    def id_of(self, token: str) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise CheckpointError(f"the tokenizer has no token {token!r}; load it with TextCodec.load, which adds it")
        return int(found)

    def encode(self, raw: Raw) -> tuple[Int[Tensor, " n"], tuple[int, ...]]:
        assert isinstance(raw, str)
        return torch.tensor(self.tokenizer.encode(raw, add_special_tokens=False).ids, dtype=torch.long), ()

    def decode(self, values: Int[Tensor, " n"], grid: tuple[int, ...] = ()) -> str:
        return str(self.tokenizer.decode(values.tolist(), skip_special_tokens=True))

    def fingerprint(self) -> str:
        return hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest()[:16]
