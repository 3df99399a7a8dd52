"""Seeds: whole numbers from 0 on, as the generators of PyTorch and numpy both take them."""

from __future__ import annotations

from motet.errors import ConfigError

MOST = 2**63 - 1


def checked_seed(seed: int) -> int:
    """The seed. Raises ConfigError for one that no generator could be made of."""
    if not 0 <= seed <= MOST:
        raise ConfigError(f"the seed is {seed}; give a whole number from 0 to 2^63 - 1")
    return seed
