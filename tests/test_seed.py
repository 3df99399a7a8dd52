"""Seeds are whole numbers from 0 on, and others are refused wherever one is given, before any work is done."""

from collections.abc import Callable

import numpy as np
import pytest

from motet.data.loader import Order
from motet.errors import ConfigError
from motet.evaluate.compare import Arm, Comparison
from motet.evaluate.compare.budget import Allowance
from motet.recipes.latentlm import TINY
from motet.recipes.run import RunConfig
from motet.request import Request
from motet.seed import checked_seed
from motet.train.settings import Budget

ARMS = (Arm("latentlm", "latentlm", TINY),)
TAKERS: dict[str, Callable[[int], object]] = {
    "a request": lambda seed: Request((), "image", seed=seed),
    "a run": lambda seed: RunConfig("latentlm", {}, "emoji", None, 1, seed, "0"),
    "an order of documents": lambda seed: Order(np.ones(3), seed=seed),
    "a comparison": lambda seed: Comparison(ARMS, "scenes", Allowance("minutes", 1.0), Budget(minutes=1.0), (0, seed)),
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_no_generator_takes_is_refused(taker: str, seed: int) -> None:
    with pytest.raises(ConfigError, match=f"the seed is {seed}; give a whole number from 0"):
        TAKERS[taker](seed)


@pytest.mark.parametrize("seed", [7, 2**63 - 1])
def test_any_other_seed_is_taken(seed: int) -> None:
    assert checked_seed(seed) == seed
    for take in TAKERS.values():
        take(seed)
