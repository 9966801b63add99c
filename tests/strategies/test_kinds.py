"""A parameter of another kind is one line, whoever makes the strategy, and copies still work."""

import copy
import pickle

import pytest

from surrogate_nas import strategies
from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.spaces import get_space

SPACE = get_space("nas-bench-201")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: strategies.RegularizedEvolution(SPACE, population_size="3"),
            "population_size: expected a whole number",
        ),
        (lambda: strategies.RandomSearch(SPACE, allowed=3), "allowed: expected a function, got 3"),
        (lambda: strategies.RandomSearch("nas-bench-201"), "space: expected a search space, got 'nas-bench-201'"),
        (
            lambda: strategies.RandomSearch(SPACE, key="rows"),
            "key: expected 'row' or 'canonical' or 'nothing', got 'rows'",
        ),
        (lambda: strategies.MonteCarloTreeSearch(SPACE, exploration=float("nan")), "exploration: expected a number"),
    ],
)
def test_another_kind_is_one_line(made, message):
    with pytest.raises(InvalidInputError) as error:
        made()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_subclass_without_annotations_and_copies_are_left_alone():
    class Mine(strategies.Strategy):
        def __init__(self, space, *, size=3, random_state=None, allowed=None, key=None):
            super().__init__(space, random_state=random_state, allowed=allowed, key=key)
            self.size = size

        def _propose(self, n):
            return Proposal(self.space.sample(n, 0))

        def _learn(self, X, scores, epochs, cost_s):
            """Scores change nothing."""

    assert copy.deepcopy(Mine(SPACE, size="any")).size == "any"
    strategy = strategies.RegularizedEvolution(SPACE, population_size=7, random_state=0)
    assert pickle.loads(pickle.dumps(strategy)).population_size == 7  # noqa: S301
