"""The package as a contestant: its leanest model, its training steps, its sampling, and the settings that it tries.

Importing this module does not import the package; building its model does.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from contestant import Run, Setting, stirred
from task import PLANNED, TRAIN_SETTINGS, Task
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm


class Depth(NamedTuple):
    """What may differ between the contestants."""

    layers: int
    ffn_dim: int


def package(task: Task, depth: Depth, setting: Setting) -> Any:
    """The package's model at its leanest; its logger and its progress bars are silenced."""
    try:
        from transfusion_pytorch import transfusion as module
    except ImportError as error:
        raise SystemExit(f"{error}; --help says what to install") from error
    module.logger.disable("transfusion_pytorch")
    module.tqdm = partial(tqdm, disable=True)
    shape = task.recipe.backbone
    model = module.Transfusion(
        num_text_tokens=task.text.vocab_size,
        dim_latent=task.recipe.codec.channels,
        modality_default_shape=task.grid,
        prob_uncond=0.0,
        odeint_kwargs={"method": "euler"},
        modality_processing=setting.strategy or "grouped",
        transformer={
            "dim": shape.dim,
            "depth": depth.layers,
            "heads": shape.n_heads,
            "dim_head": shape.channels_per_head,
            "ff_expansion_factor": (depth.ffn_dim + 0.5) * 1.5 / shape.dim,  # it takes int(dim * factor * 2 / 3)
            "attn_kwargs": {"gate_values": False},
        },
    )
    parts = {"": [], "transformer": [model.transformer]}
    parts["layers"] = [part for layer in model.transformer.layers for part in layer if part is not None]
    for part in parts[setting.compiled]:
        part.compile()
    return model


def package_training(task: Task, depth: Depth, setting: Setting) -> Run:
    model = package(task, depth, setting)
    documents = [[words, latents.view(*task.grid, -1)] for words, latents in zip(task.words, task.latents, strict=True)]
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=TRAIN_SETTINGS.lr, betas=TRAIN_SETTINGS.betas, fused=True)

    def run(number: int) -> int:
        step = task.steps[number % PLANNED]
        with setting.autocast():
            loss = model([documents[d] for d in step.documents])
        loss.backward()
        clip_grad_norm_(parameters, TRAIN_SETTINGS.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return step.tokens

    return run


def package_sampling(task: Task, depth: Depth, setting: Setting) -> Run:
    model = stirred(package(task, depth, setting))
    n = math.prod(task.grid)

    def run(number: int) -> int:
        with setting.autocast(), torch.inference_mode():
            answers = model.sample_many(
                task.prompts(number),
                max_length=n - 1,  # it ends when more are made, which is when the picture is
                force_modality_at_start=(0, task.grid),
                modality_steps=task.sampling.steps + 1,  # it counts the times that are visited, both ends included
                cfg_scale=task.sampling.guidance,
                return_unprocessed_modalities=True,
                return_without_prompt=True,
            )
        assert all(answer[0].tensor.shape == (*task.grid, task.latents.shape[2]) for answer in answers)
        return len(answers)

    return run


def package_settings(what: str, fastest_strategy: Callable[[list[Setting]], Setting]) -> list[Setting]:
    """Precisions and compilations with the strategy that trains fastest. None of the strategies acts in sampling."""
    strategy = ""
    if what == "train":
        names = ("grouped", "flat", "hybrid", "auto", "naive")
        strategy = fastest_strategy([Setting(True, "", name) for name in names]).strategy
    return [Setting(bf16, compiled, strategy) for compiled in ("", "layers", "transformer") for bf16 in (True, False)]
