"""Names become strategies, and options of another kind than they should be are told before anything is done."""

import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.catalogue import factory_of


@pytest.fixture(scope="module")
def space():
    return sn.get_space("nas-bench-201")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("regularized-evolution", {"population_size": "abc"}, "population_size: expected a whole number, got 'abc'"),
        ("regularized-evolution", {"population_size": 2.5}, "population_size: expected a whole number, got 2.5"),
        ("regularized-evolution", {"population_size": True}, "population_size: expected a whole number, got True"),
        ("regularized-evolution", {"population_sise": 3}, "unknown option 'population_sise'.*did you mean 'popul"),
        ("regularized-evolution", {"allowed": 3}, "allowed: expected a function, got 3"),
        ("regularized-evolution", {"key": "x"}, "key: expected 'row' or 'canonical' or 'nothing', got 'x'"),
        ("bananas", {"growth": float("nan")}, "growth: expected a number, got nan"),
        ("bananas", {"predictor": "trees"}, "predictor: expected an object, made in Python, got 'trees'"),
        ("successive-halving", {"levels": 3}, "levels: expected a list, got 3"),
        ("monte-carlo-tree-search", {"temperature": "hot"}, "temperature: expected a number, got 'hot'"),
    ],
)
def test_options_of_another_kind_are_told_in_one_line(space, name, options, message):
    with pytest.raises(InvalidInputError, match=message):
        sn.make_strategy(name, space, **options)


def test_options_may_be_none_and_a_list_where_the_strategy_says_so(space):
    assert sn.make_strategy("monte-carlo-tree-search", space, temperature=None).temperature is None
    assert sn.make_strategy("hyperband", space, levels=[1, 3], eta=None).levels


@pytest.mark.parametrize("name", ["space", "random_state", "sources"])
def test_what_every_strategy_is_given_is_no_option(name):
    with pytest.raises(InvalidInputError, match=f"unknown option '{name}'"):
        factory_of("warm-evolution", [name])


@pytest.mark.parametrize("space", [None, "nas-bench-201"])
def test_a_space_is_not_its_name(space):
    with pytest.raises(InvalidInputError, match="space: expected one, such as"):
        sn.make_strategy("random", space)
