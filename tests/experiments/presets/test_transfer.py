"""Strategies that begin with what other tasks have shown."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, TaskData
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.experiments.comparing.sources import Sources, sources_for
from surrogate_nas.experiments.presets.learned import learned
from surrogate_nas.experiments.presets.library import ArchitectureLibrary
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.strategy import CHECKS

NAMES = ["library-search", "warm-evolution", "source-ensemble"]


@pytest.fixture(scope="module")
def table():
    return sn.load_table("nas-bench-graph")


@pytest.fixture(scope="module")
def objectives(table):
    return {task: sn.TableObjective(table, task=task) for task in ("cora", "citeseer", "pubmed")}


@pytest.fixture(scope="module")
def few(table):
    """A fortieth of the other tasks: quick to learn from."""
    data = {task: table.data(task=task, split="val") for task in ("citeseer", "physics")}
    return Sources({task: TaskData(X[::40], y[::40]) for task, (X, y) in data.items()}, table.space)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_good_elsewhere_comes_first(table, few, name):
    X = search(
        sn.TableObjective(table, task="cora"), make_strategy(name, table.space, random_state=0, sources=few), budget=25
    ).X
    np.testing.assert_array_equal(X[:10], ArchitectureLibrary(table.space, few).retrieve(k=10))
    assert len(np.unique(X, axis=0)) == 25


@pytest.mark.parametrize("name", NAMES)
def test_without_sources_one_line_says_what_is_missing(table, name):
    for sources in (None, {}):
        with pytest.raises(InvalidInputError, match="expected other tasks to learn from"):
            make_strategy(name, table.space, random_state=0, sources=sources)


def test_options_are_those_of_what_goes_on_after_the_beginning(table, few):
    for name, option, value in (
        ("library-search", "move", "best"),
        ("warm-evolution", "sample_size", 3),
        ("source-ensemble", "acquisition", "ucb"),
        ("default", "acquisition", "ucb"),
    ):
        made = make_strategy(name, table.space, random_state=0, sources=few, **{option: value})
        assert made.strategy.get_params()[option] == value
    with pytest.raises(InvalidInputError, match="unknown option 'moves'; it has n_warm, initial_size, move"):
        make_strategy("library-search", table.space, sources=few, moves="best")


def test_sources_as_a_comparison_hands_them_over_never_hold_the_target(table, objectives):
    library = learned(ArchitectureLibrary, table.space, sources_for("cora", objectives))
    assert set(library.tasks) == set(table.tasks) - {"cora"}


def test_scores_of_the_target_change_nothing_before_they_are_told(table, few):
    """The first proposals follow from the sources alone, whatever the target is like."""
    X = [
        search(
            sn.TableObjective(table, task=task),
            make_strategy("source-ensemble", table.space, random_state=0, sources=few),
            budget=10,
        ).X
        for task in ("cora", "arxiv")
    ]
    np.testing.assert_array_equal(*X)


def test_sources_are_learned_from_once(table, few):
    assert learned(ArchitectureLibrary, table.space, few) is learned(ArchitectureLibrary, table.space, few)
    plain = {task: (few[task].X, few[task].y) for task in few}
    again = learned(ArchitectureLibrary, table.space, plain)
    assert again is not learned(ArchitectureLibrary, table.space, plain), "a plain dict may have changed"
    np.testing.assert_array_equal(again.retrieve(), learned(ArchitectureLibrary, table.space, few).retrieve())


def test_what_is_learned_for_one_space_is_not_taken_for_another(few):
    made = [learned(remember, get_space(name), few) for name in ("nas-bench-201", "nas-bench-graph")]
    assert [space.name for space, _ in made] == ["nas-bench-201", "nas-bench-graph"]


def remember(space, sources):
    return space, len(sources)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_search_is_continued(table, few, name, tmp_path):
    objective = sn.TableObjective(table, task="cora")

    def strategy():
        return make_strategy(name, table.space, random_state=0, sources=few)

    search(objective, strategy(), budget=13, run_dir=tmp_path)
    continued = search(objective, strategy(), budget=22, run_dir=tmp_path)
    np.testing.assert_array_equal(continued.X, search(objective, strategy(), budget=22).X)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_contract(table, few, name, check):
    rarely = {"refit_every": 200} if name == "source-ensemble" else {}  # fits are what costs, and decide nothing here
    check(
        lambda space, random_state: make_strategy(name, space, random_state=random_state, sources=few, **rarely),
        table.space,
    )
