"""Presets are compositions; each searches, each can be told other parts, and no strategy sees its target beforehand."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, TaskData
from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.experiments import TableObjective, search
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.experiments.presets.default import AdaptedPredictor, default_strategy
from surrogate_nas.experiments.presets.model_based import (
    bananas,
    bayesian_optimization,
    brp_nas,
    graph_process,
    npenas,
    weaknas,
)
from surrogate_nas.predictors import AutoPredictor, MetaPredictor, MLPEnsemble, Predictor
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Beliefs, ExpectedImprovement, Mixture, ModelBased, RandomSearch
from surrogate_nas.tables import load_table
from surrogate_nas.testing.strategy import check_beats_random

PRESETS = [bayesian_optimization, bananas, npenas, weaknas, brp_nas]


@pytest.fixture(scope="module")
def table():
    return load_table("nas-bench-graph")


@pytest.fixture(scope="module")
def sources(table):
    """Two tasks, on some of their rows."""
    chosen = np.random.default_rng(0).choice(len(table), 300, replace=False)
    data = {task: table.data(task=task, split="val") for task in ("physics", "photo")}
    return {task: TaskData(X[chosen], y[chosen]) for task, (X, y) in data.items()}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.__name__)
def test_a_preset_searches_a_real_table_and_repeats_itself(preset, table):
    objective = TableObjective(table, task="cs")
    first, second = (search(objective, preset(table.space, random_state=3), budget=24) for _ in range(2))
    np.testing.assert_array_equal(first.X, second.X)
    assert len(np.unique(table.space.canonical(first.X), axis=0)) == 24


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.__name__)
def test_every_part_can_be_replaced(preset, table):
    model = graph_process(table.space)
    made = preset(table.space, random_state=0, predictor=model, acquisition="ucb", n_initial=3)
    assert isinstance(made, ModelBased)
    assert made.predictor is model
    assert (made.acquisition, made.n_initial) == ("ucb", 3)


def test_by_name_with_options():
    space = get_space("nas-bench-201")
    made = make_strategy("bananas", space, random_state=0, refit_every=7)
    assert made.refit_every == 7
    with pytest.raises(InvalidInputError, match="unknown option 'refit'; it has predictor, acquisition"):
        make_strategy("bananas", space, refit=7)


def test_bananas_is_what_its_paper_says():
    made = bananas(get_space("nas-bench-201"))
    assert isinstance(made.predictor.regressor, MLPEnsemble)
    assert made.predictor.regressor.n_models == 5
    assert type(made.predictor.encoder).__name__ == "PathEncoder"
    assert (made.acquisition, made.mutants, made.n_initial) == ("thompson", 1.0, 10)


def test_default_begins_with_what_was_good_elsewhere_and_goes_on_with_what_was_learned(table, sources):
    made = default_strategy(table.space, sources=sources)
    best = sn.ArchitectureLibrary(table.space, sources).retrieve(k=8)
    X = made.ask(8).X
    np.testing.assert_array_equal(X, best)
    scores = table.query(X, task="cs", split="val")
    made.tell(X, scores)
    across, alone = made.strategy.predictor.models
    assert isinstance(across, AdaptedPredictor)
    assert across.meta().tasks_ == ("physics", "photo")
    rest = np.delete(table.space.enumerate(), table.space.index(X), axis=0)
    believed = Mixture(across, alone).fit(X, normal_scores(scores)).predict(rest, return_std=True)
    merits = ExpectedImprovement()(Beliefs(*believed, normal_scores(scores).max(), 8), 2, np.random.default_rng(0))
    np.testing.assert_array_equal(made.ask(1).X[0], rest[merits[0].argmax()])


def test_default_with_sources_from_another_space_only(table):
    other = get_space("nas-bench-201")
    X = other.sample(40, 0)
    made = default_strategy(table.space, sources={"c10": TaskData(X, X.sum(axis=1).astype(float), space=other)})
    assert isinstance(made, ModelBased)
    assert len(made.ask(1).X) == 1


def test_what_is_learned_across_tasks_is_learned_once_per_object(table, sources):
    class Frozen(dict):
        __hash__ = object.__hash__

        def __eq__(self, other):
            return self is other

    one, other = Frozen(sources), Frozen(sources)
    first, again, apart = (
        default_strategy(table.space, sources=s).strategy.predictor.models[0].meta() for s in (one, one, other)
    )
    assert first is again
    assert first is not apart


def test_default_without_sources_and_with_a_predictor_of_ones_own():
    space = get_space("nas-bench-201")
    assert isinstance(default_strategy(space).predictor, Predictor)
    own = AutoPredictor(space)
    assert default_strategy(space, own).predictor is own
    assert default_strategy(space, random_state=4).random_state == 4


def test_an_adapted_predictor_starts_from_nothing(table, sources):
    meta = MetaPredictor(table.space, random_state=0).fit(sources)
    model = AdaptedPredictor(meta)
    X = table.space.sample(20, 0)
    prior = model.fit(X[:0], np.empty(0)).predict(X)
    np.testing.assert_array_equal(prior, meta.adapt().predict(X))
    mean, std = model.fit(X, np.arange(20.0)).predict(X, return_std=True)
    assert np.corrcoef(mean, np.arange(20.0))[0, 1] > np.corrcoef(prior, np.arange(20.0))[0, 1]
    assert (std > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.__name__)
def test_a_preset_beats_random_search(preset):
    budget = 100 if preset is bananas else 60  # path encodings know paths, not pairs of genes
    check_beats_random(preset, RandomSearch, get_space("nas-bench-201"), budget=budget, runs=40, by_network=True)
