"""Motet as a contestant: its training steps, its sampling, and the settings that it tries."""

import torch
from contestant import Run, Setting, stirred
from task import PLANNED, TRAIN_SETTINGS, Task
from torch.nn.utils import clip_grad_norm_

from motet.generate import generate
from motet.model import TEXT
from motet.recipes.pictures import IMAGE
from motet.request import Request
from motet.sequence import Segment
from motet.train.optim import Optimizers


def motet_training(task: Task, setting: Setting) -> Run:
    """The steps of ``motet.train.loop.train``, batches made on the way, without its log and its averaged weights."""
    objective = task.objective()
    if setting.compiled:
        objective.compile()
    optimizers = Optimizers(objective.module, TRAIN_SETTINGS)

    def run(number: int) -> int:
        step = task.steps[number % PLANNED]
        batch, _ = objective.batch(step.cursor)
        with setting.autocast():
            losses = objective.losses(batch)
        torch.autograd.backward(losses.total)
        clip_grad_norm_(optimizers.parameters, TRAIN_SETTINGS.clip)
        optimizers.step(TRAIN_SETTINGS.lr, bf16=setting.bf16)
        return step.tokens

    return run


def motet_sampling(task: Task, setting: Setting) -> Run:
    model = stirred(task.model())
    if setting.compiled:
        for block in model.backbone.blocks:
            block.compile()

    def run(number: int) -> int:
        requests = [
            Request((Segment(TEXT, words),), IMAGE, seed=i, sampling=task.sampling)
            for i, words in enumerate(task.prompts(number))
        ]
        with setting.autocast():
            answers = generate(model, requests)
        assert all(answer[0].values.shape == task.latents.shape[1:] for answer in answers)
        return len(answers)

    return run


MOTET_SETTINGS = [Setting(bf16, compiled) for compiled in ("", "blocks") for bf16 in (True, False)]
