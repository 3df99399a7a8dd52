"""Correlations of measures over runs."""

from motet.evaluate.claims.correlation import correlated, ranks


def test_equal_values_share_the_mean_of_their_places() -> None:
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]


def test_ranks_correlate_fully_where_one_measure_rises_with_the_other() -> None:
    found = correlated([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 1000.0])
    assert found.rank == 1.0
    assert found.pearson is not None and 0.7 < found.pearson < 0.95
    falling = correlated([1.0, 2.0, 3.0], [6.0, 4.0, 2.0])
    assert (round(falling.pearson or 0, 9), round(falling.rank or 0, 9)) == (-1.0, -1.0)


def test_what_does_not_vary_correlates_with_nothing() -> None:
    found = correlated([1.0, 2.0, 3.0], [5.0, 5.0, 5.0])
    assert found.pearson is None and found.rank is None
    assert str(found) == "undefined (Pearson), undefined (ranks), over 3 runs"
