"""ACDiT under a class: clean tokens do not know it, so both branches of guidance share one cache of them."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from motet.codecs.text import TextCodec
from motet.commands.options import recipe_of
from motet.config import override
from motet.errors import ConfigError, ShapeError
from motet.evaluate.compare.passes import count_passes, kept_bytes
from motet.factorise.next_block import NextBlock, blocks_of
from motet.generate import generate
from motet.heads.head import Head, Wishes
from motet.model import TEXT, Hidden, Model
from motet.nn.cache import Cache
from motet.nn.rope import MixedRope
from motet.recipes.acdit import ACDiT
from motet.recipes.recipe import initialised
from motet.request import Request, Sampling, answer
from motet.sequence import Draw, Packed, Peek, Segment, Span, pack
from motet.sequence.pack import Placing, lay
from support.random_weights import randomise

RECIPE = override(ACDiT.sizes["tiny"], {"condition": "class"})
SAMPLING = Sampling(guidance=2.5, steps=3)


def test_mixed_positions_are_for_classes_alone():
    with pytest.raises(ConfigError, match="words would have no order; set condition=class"):
        override(ACDiT.sizes["tiny"], {"rope": "mixed"})


@pytest.mark.parametrize(("changes", "base"), [([], 100.0), (["backbone.rope_theta=200"], 200.0)])
def test_the_base_of_mixed_positions_is_the_published_one_or_what_is_set(changes: list[str], base: float):
    recipe = recipe_of("acdit", "tiny", ["condition=class", "text_first=1", "rope=mixed", *changes])
    rope = recipe.blocks(TextCodec.learn(["a red fox"], 300, ["image"])).rope
    assert isinstance(rope, MixedRope)
    assert float(rope.frequencies.min()) == pytest.approx(1 / base), "exponents go from 0 to 1"


@pytest.mark.parametrize("change", ["backbone.rope_axes=8,0,4,4", "backbone.rope_theta=10000"])
def test_positions_that_mixed_ones_do_not_read_are_refused(change: str):
    with pytest.raises(ConfigError, match="has no effect on acdit"):
        recipe_of("acdit", "tiny", ["condition=class", "text_first=1", "rope=mixed", change])
    assert recipe_of("acdit", "tiny", [change])


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def fresh() -> Model:
    return initialised(RECIPE, TextCodec.learn(["a red fox", "a blue fox"], 320, ["image"]), 0)


@pytest.fixture(scope="module")
def model() -> Model:
    """The tiny model with random weights everywhere: a fresh one's blocks and modulations add nothing."""
    return randomise(fresh().requires_grad_(False), rng(), spread=0.2)


def words(model: Model, text: str) -> Segment:
    return Segment(TEXT, model.text.encode(text)[0])


def picture(seed: int = 0) -> Segment:
    return Segment("image", torch.randn(4, 8, generator=torch.Generator().manual_seed(seed)), (2, 2))


def in_one_row(spans: list[Span]) -> Packed:
    return pack([spans], rows=1, length=sum(map(len, spans)))


def with_two_full_branches(model: Model, request: Request) -> tuple[Tensor, Cache]:
    """The slow twin: each branch has a row of its own with all that is committed, as text conditions need it."""
    program, cache, block, reply = answer(model, request), Cache(2), 0, None
    while True:
        try:
            asked = program.send(reply)
        except StopIteration as end:
            return end.value[0].values, cache
        if isinstance(asked, Draw):
            reply = model.modality(asked.modality).head.sample(asked.hidden, asked.noise, asked.how)
            continue
        peeks = isinstance(asked, Peek)
        pair = (asked.span, *asked.beside) if peeks else (asked.span, asked.span)
        assert len(pair) == 2
        new = {row: Placing([replace(span, public=not peeks)], block) for row, span in enumerate(pair)}
        states = model.hidden(lay(new, rows=2), cache).states
        n = 0 if peeks else len(asked.span)
        cache.close([n, n])
        block += min(n, 1) if asked.span.whole else n
        reply = states if peeks else states[:1]


def test_one_clean_cache_of_half_the_bytes_serves_both_branches_of_guidance(model: Model):
    request = Request((words(model, "a red fox"),), "image", seed=3, sampling=SAMPLING)
    with torch.no_grad():
        expected, cache = with_two_full_branches(model, request)
        made = generate(model, [request])[0][0].values
        passes = count_passes(model, request)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)
    blocks, steps, n = 2, 3, 4
    bytes_a_token = kept_bytes(cache) // (2 * (2 + n))
    assert passes.cache == bytes_a_token * (2 + n // 2) > 0, "one row; nothing follows the last block's clean copy"
    assert passes.backbone == 1 + blocks * steps, "begin and open; then each block's steps, after the clean one before"
    assert passes.tokens == 2 + 2 * steps * n + n // 2, "two noised copies at each step, one clean one but of the last"


def test_guidance_from_a_class_does_something(model: Model):
    one = Request((words(model, "a red fox"),), "image", seed=3, sampling=SAMPLING)
    others = [
        replace(one, prompt=(words(model, "a blue fox"),)),
        replace(one, prompt=()),
        replace(one, sampling=replace(SAMPLING, guidance=1.0)),
    ]
    made = [generate(model, [request])[0][0].values for request in (one, *others)]
    assert all((made[0] - other).abs().max() > 1e-3 for other in made[1:])
    plain = generate(model, [replace(others[1], sampling=replace(SAMPLING, guidance=1.0))])[0][0].values
    torch.testing.assert_close(made[2], plain, atol=1e-5, rtol=1e-5)  # without a class there is nothing to follow


def test_a_pass_outside_the_interval_of_guidance_places_one_copy(model: Model):
    """Three steps, of which the middle one alone is guided, at times that the recipe shifts towards noise."""
    how = replace(SAMPLING, guidance_interval=(0.1, 0.4))
    passes = count_passes(model, Request((words(model, "a red fox"),), "image", sampling=how))
    assert passes.tokens == 2 + (1 + 2 + 1) * 4 + 2


def test_the_class_is_in_the_noised_tokens_and_nowhere_else(model: Model):
    spans = model.arrange([words(model, "a red fox"), picture()], rng())
    assert [span.modality for span in spans] == [TEXT, "image", "image", "image", "image", TEXT]
    assert len(spans[0]) == 2, "the document begins, and the picture opens"
    red, none = (in_one_row(doc) for doc in (spans, model.without_condition(spans, 1)))
    blue = in_one_row(model.arrange([words(model, "a blue fox"), picture()], rng()))
    for other in (none, blue):
        moved = (model.hidden(red).states - model.hidden(other).states).abs().amax(-1)[0]
        noised = ~red.time[0].isnan()
        assert noised.sum() == 4 and (moved[noised] > 1e-3).all() and not moved[~noised].any()


def test_a_text_behind_a_picture_is_read_and_learned_as_text(model: Model):
    text = words(model, "a red fox")
    spans = model.arrange([replace(picture(), learn=False), text], rng())
    assert all(span.label is None for span in spans)
    assert spans[-1].predict is not None and spans[-1].predict.value.tolist() == [*text.values.tolist(), model.text.end]


def test_the_picture_before_an_edit_stays_and_the_instruction_is_the_class_of_the_one_behind(model: Model):
    before, instruction = replace(picture(1), learn=False), replace(words(model, "blue"), learn=False)
    spans = model.arrange([before, instruction, picture(2)], rng())
    noised = [span for span in spans if span.time is not None]
    assert all(torch.equal(span.label, instruction.values) for span in noised) and len(noised) == 2
    prompt = model.prompt([before])
    for early, late in zip(prompt[:-1], spans, strict=False):
        assert early.public and late.public and torch.equal(early.pos, late.pos)
    made = generate(model, [Request((before, instruction), "image", sampling=SAMPLING)])[0][0].values
    other = generate(model, [Request((picture(3), instruction), "image", sampling=SAMPLING)])[0][0].values
    assert (made - other).abs().max() > 1e-3


class Opens(Head):
    """A text head that always opens a picture."""

    def __init__(self, opening: int):
        super().__init__()
        self.opening = opening

    def loss(self, h: Tensor, value: Tensor, rng: torch.Generator) -> Tensor:
        raise AssertionError("it does not learn")

    def noise(self, k: int, how: Any, rng: torch.Generator) -> Tensor:
        return torch.full((k,), self.opening)

    def sample(self, h: Tensor, noise: Tensor, how: Any) -> Tensor:
        return noise

    def settings(self, wishes: Wishes) -> tuple[()]:
        return ()


def test_a_model_that_decides_to_draw_draws_from_the_text_right_before():
    model, text = fresh(), words(fresh(), "a red fox")
    model.modality(TEXT).head = Opens(model.mark("image")[0])
    seen: list[list[int]] = []

    def listening(batch: Packed, cache: Cache | None, plain: Any = model.hidden) -> Hidden:
        if batch.labels is not None:
            seen.append(batch.labels.ids[0].tolist())
        return plain(batch, cache)

    model.hidden = listening
    how = replace(SAMPLING, guidance=1.0, steps=1, max_tokens=2)
    made = generate(model, [Request((text,), None, sampling=how)])[0]
    assert [segment.modality for segment in made] == ["image", "image"]
    assert seen == [text.values.tolist()] * 2 + [[]] * 2, "two blocks of the first picture, and two of the second"


def test_classes_are_learned():
    model = fresh()
    pictures = [Segment("image", torch.full((4, 8), value), (2, 2)) for value in (1.0, -1.0)]
    texts = [words(model, "a red fox"), words(model, "a blue fox")]

    def loss(order: list[Segment], draws: torch.Generator) -> Tensor:
        docs = [model.arrange([text, shown], draws) for text, shown in zip(order, pictures, strict=True)]
        return model.loss(pack(docs, rows=2, length=16), draws).total

    draws = rng()
    optimizer = torch.optim.Adam([p for part in model.learned() for p in part.parameters()], lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        loss(texts, draws).backward()
        optimizer.step()
    with torch.no_grad():
        right, swapped = loss(texts, rng()), loss(texts[::-1], rng())
    assert right < 0.5 * swapped


def test_blocks_keep_their_shape_in_a_picture_of_another_size() -> None:
    """Of a grid of 4 x 4 tokens, 2 x 2 make a block; one of 2 x 6 has such blocks, one of 1 x 8 has none."""
    recipe = override(ACDiT.sizes["tiny"], {"image_size": 32, "block": 4})
    with torch.device("meta"):
        factorise = recipe.picture().factorise
    assert isinstance(factorise, NextBlock)
    assert [at.tolist() for at in blocks_of((2, 6), factorise.size)] == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]
    with pytest.raises(ShapeError, match="a grid of 1 x 8 tokens does not divide into blocks of 2 x 2"):
        blocks_of((1, 8), factorise.size)
    with torch.device("meta"):
        whole = override(recipe, {"block": 16}).picture().factorise
    assert isinstance(whole, NextBlock)
    assert len(blocks_of((4, 8), whole.size)) == 2, "one that was the trained picture, too"
