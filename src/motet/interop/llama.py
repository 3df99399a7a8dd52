"""Pretrained Llama, Qwen2 and Qwen3 language models as Motet models with one modality, text.

A checkpoint is a Hugging Face folder (`hugging_face`) or a GGUF file (`gguf`). Its blocks are our plain ones; only the
names differ, and q, k, v and gate, up are one matrix each here. Every weight of the checkpoint has exactly one place:
what is missing, left over or of another shape is an error that names it. So is every setting of the config that would
change a number and that our blocks do not know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from motet.codecs.text import TextCodec
from motet.embed.lookup import Lookup
from motet.errors import CapabilityError, CheckpointError
from motet.factorise.next_token import NextToken
from motet.heads.categorical import Categorical
from motet.interop.gguf import read_gguf
from motet.interop.hugging_face import Pretrained, read_folder
from motet.interop.llama_rope import rope_theta, stretched_rope
from motet.model import TEXT, Modality, Model
from motet.nn.backbone import Backbone, TransformerShape
from motet.nn.norm import RMSNorm
from motet.nn.rope import Rope
from motet.types import PathLike

Config = Mapping[str, Any]

KINDS = ("llama", "qwen2", "qwen3")
WORDS, LOGITS = "modalities.text.embed.table.weight", "modalities.text.head.logits.weight"


def load_language_model(path: PathLike, *, dtype: torch.dtype = torch.float32, compile: bool = False) -> Model:
    """The model in a Hugging Face folder or GGUF file, with its weights in ``dtype``, ready to generate.

    compile: decode a text alone with compiled blocks, see ``Backbone.compile_step``.

    Documents begin with the tokenizer's `bos` token (or, as for Qwen2, the config's) and end with its `eos`: a prompt
    is read as ``bos, text``. Where a config lists several `eos` tokens and the tokenizer names none, the first ends it.

    Raises CheckpointError if the checkpoint cannot be read or does not match its config, CapabilityError if its
    architecture is another one or there is no compiler to compile with, MissingExtra if a GGUF file is given and the
    extra `interop` is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; expected a Hugging Face folder or a .gguf file")
    found = read_folder(path) if path.is_dir() else read_gguf(path)
    config = found.config
    shape, text = transformer_shape(config), _text(found)
    rope = stretched_rope(config, shape.channels_per_head)
    tied = bool(config.get("tie_word_embeddings", False))
    model = _empty(shape, rope, text, vocab_size=int(config["vocab_size"]))
    state = _renamed(found.weights(), shape, tied=tied, dtype=dtype)
    _check_shapes(state, model.state_dict())
    model.load_state_dict(state, assign=True)
    if tied:
        _text_parts(model)[1].weight = _text_parts(model)[0].weight
    if compile:
        model.backbone.compile_step()
    return model.eval()


# config


@dataclass(frozen=True)
class Refused:
    """A setting that would change the numbers, and the values under which it does not."""

    key: str
    harmless: tuple[Any, ...]


REFUSED = (
    Refused("hidden_act", (None, "silu")),
    Refused("use_sliding_window", (None, False)),
    Refused("partial_rotary_factor", (None, 1.0)),
)


def transformer_shape(config: Config) -> TransformerShape:
    """The shape that a config.json describes.

    Raises CapabilityError for another architecture or an unknown setting, CheckpointError if a size is missing.
    """
    kind = config.get("model_type")
    if kind not in KINDS:
        raise CapabilityError(f"model_type is {kind!r}; models of these types can be loaded: {', '.join(KINDS)}")
    for setting in REFUSED:
        if config.get(setting.key) not in setting.harmless:
            raise CapabilityError(
                f"{setting.key} is {config[setting.key]!r}; only {setting.harmless[-1]!r} can be loaded"
            )
    if set(config.get("layer_types") or ()) - {"full_attention"}:
        raise CapabilityError(
            f"layer_types are {sorted(set(config['layer_types']))}; only full_attention can be loaded"
        )
    wanted = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    if missing := [key for key in wanted if not isinstance(config.get(key), int)]:
        raise CheckpointError(
            f"the config says nothing of {', '.join(missing)}; expected the config.json of a {kind} model"
        )
    biased = bool(config.get("attention_bias"))
    return TransformerShape(
        dim=config["hidden_size"],
        n_layers=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"],
        n_kv_heads=config.get("num_key_value_heads"),
        head_dim=config.get("head_dim") or (128 if kind == "qwen3" else None),
        ffn_dim=config["intermediate_size"],
        rope_theta=rope_theta(config),
        qk_norm=kind == "qwen3",
        qkv_bias=kind == "qwen2" or biased,
        out_bias=kind != "qwen2" and biased,
        ffn_bias=kind == "llama" and bool(config.get("mlp_bias")),
        norm_eps=config.get("rms_norm_eps", 1e-6),
    )


# weights


def _sources(shape: TransformerShape, *, tied: bool) -> dict[str, tuple[str, ...]]:
    """For each weight of ours the weights that it is the concatenation of."""
    table: dict[str, tuple[str, ...]] = {
        WORDS: ("model.embed_tokens.weight",),
        LOGITS: ("model.embed_tokens.weight" if tied else "lm_head.weight",),
        "backbone.norm.weight": ("model.norm.weight",),
    }
    for layer in range(shape.n_layers):
        ours, theirs = f"backbone.blocks.{layer}.", f"model.layers.{layer}."
        qkv = [f"{theirs}self_attn.{part}_proj" for part in "qkv"]
        table[f"{ours}attention.qkv.weight"] = tuple(f"{part}.weight" for part in qkv)
        if shape.qkv_bias:
            table[f"{ours}attention.qkv.bias"] = tuple(f"{part}.bias" for part in qkv)
        if shape.out_bias:
            table[f"{ours}attention.out.bias"] = (f"{theirs}self_attn.o_proj.bias",)
        if shape.ffn_bias:
            table[f"{ours}ffn.gate_up.bias"] = (f"{theirs}mlp.gate_proj.bias", f"{theirs}mlp.up_proj.bias")
            table[f"{ours}ffn.down.bias"] = (f"{theirs}mlp.down_proj.bias",)
        if shape.qk_norm:
            table[f"{ours}attention.q_norm.weight"] = (f"{theirs}self_attn.q_norm.weight",)
            table[f"{ours}attention.k_norm.weight"] = (f"{theirs}self_attn.k_norm.weight",)
        table[f"{ours}attention.out.weight"] = (f"{theirs}self_attn.o_proj.weight",)
        table[f"{ours}attention_norm.weight"] = (f"{theirs}input_layernorm.weight",)
        table[f"{ours}ffn_norm.weight"] = (f"{theirs}post_attention_layernorm.weight",)
        table[f"{ours}ffn.gate_up.weight"] = (f"{theirs}mlp.gate_proj.weight", f"{theirs}mlp.up_proj.weight")
        table[f"{ours}ffn.down.weight"] = (f"{theirs}mlp.down_proj.weight",)
    return table


def _renamed(
    weights: dict[str, Tensor], shape: TransformerShape, *, tied: bool, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The checkpoint's weights under our names."""
    table = _sources(shape, tied=tied)
    wanted = {source for sources in table.values() for source in sources}
    # Some old checkpoints carry the rotary frequencies, which follow from the config.
    given = {name for name in weights if not name.endswith("rotary_emb.inv_freq")}
    if tied and "lm_head.weight" in given:
        if not torch.equal(weights["lm_head.weight"], weights["model.embed_tokens.weight"]):
            raise CheckpointError(
                "the config ties lm_head to the embedding, but their weights differ; untie the config"
            )
        given.remove("lm_head.weight")
    if given != wanted:
        raise CheckpointError(
            f"the weights do not match the config; missing: {_some(wanted - given)}; unknown: {_some(given - wanted)}"
        )
    return {ours: torch.cat([weights[name] for name in theirs]).to(dtype) for ours, theirs in table.items()}


def _check_shapes(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    wrong = [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected
        if state[name].shape != expected[name].shape
    ]
    if wrong:
        raise CheckpointError(f"weights of other sizes than the config says: {_some(wrong)}")


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "") or "none"


# the model


def _empty(shape: TransformerShape, rope: Rope, text: TextCodec, *, vocab_size: int) -> Model:
    """The model without memory for its weights, which the checkpoint brings.

    Ids of special tokens may lie beyond its vocabulary, as of a padding token that was added later: no text has them.
    """
    special = {id for id, token in text.tokenizer.get_added_tokens_decoder().items() if token.special}
    ids = set(text.tokenizer.get_vocab(with_added_tokens=True).values())
    if (largest := max(ids - special | {text.begin, text.end})) >= vocab_size:
        raise CheckpointError(f"the tokenizer has the id {largest}, but the model's vocabulary is of {vocab_size}")
    with torch.device("meta"):
        blocks = shape.blocks()
        words, head = Lookup(vocab_size, shape.dim), Categorical(shape.dim, vocab_size)
    backbone = Backbone(blocks, dim=shape.dim, rope=rope, norm_eps=shape.norm_eps)
    for part in backbone.modules():
        if isinstance(part, RMSNorm):
            part.exact = True
    return Model(backbone, {TEXT: Modality(codec=text, embed=words, factorise=NextToken(), head=head)})


def _text_parts(model: Model) -> tuple[nn.Embedding, nn.Linear]:
    words, head = model.modality(TEXT).embed, model.modality(TEXT).head
    assert isinstance(words, Lookup) and isinstance(head, Categorical)
    return words.table, head.logits


def _text(found: Pretrained) -> TextCodec:
    """The codec; a token that the tokenizer does not name is taken from the ids in the config."""

    def token(key: str) -> str | None:
        ids = found.config.get(key)
        first = ids[0] if isinstance(ids, list) and ids else ids
        return found.tokenizer.id_to_token(first) if isinstance(first, int) else None

    end = found.end or token("eos_token_id")
    begin = found.begin or token("bos_token_id") or end
    if begin is None or end is None:
        raise CheckpointError("neither the tokenizer nor the config says which token ends a document (eos_token)")
    return TextCodec(found.tokenizer, begin=begin, end=end)
