"""Optuna's samplers search our spaces, and our predictors sample for Optuna's studies."""

from functools import partial

import numpy as np
import optuna
import pytest
from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives import CallableObjective
from surrogate_nas.experiments.searching import search
from surrogate_nas.integrations.optuna import OptunaStrategy, distributions, suggest
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.strategy import CHECKS, Landscape, check_same_sequence_in_another_process, run


def random(space, random_state):
    return OptunaStrategy(space, sampler=RandomSampler(seed=random_state), random_state=random_state)


def tpe(space, random_state):
    sampler = TPESampler(seed=random_state, n_ei_candidates=4)
    return OptunaStrategy(space, sampler=sampler, random_state=random_state)


#: One space where every combination of genes is valid, and others where few are, or where values have an order.
CASES = [
    (random, "nas-bench-201"),
    (random, "nas-bench-graph-proteins"),
    (random, "mlp"),
    (tpe, "nas-bench-201"),
    *(pytest.param(tpe, s, marks=pytest.mark.slow) for s in ("nas-bench-graph-proteins", "transnas-macro", "mlp")),
]


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-graph")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("factory", "name"), CASES)
def test_contract(factory, name, check):
    check(factory, get_space(name))


def test_same_sequence_in_another_process():
    check_same_sequence_in_another_process(random, get_space("nas-bench-201"))


def test_the_sampler_sees_each_result_once(space):
    strategy = tpe(space, 0)
    landscape = Landscape(space)
    earlier = space.sample(5, 1)
    strategy.tell(earlier, landscape(earlier))
    X = run(strategy, landscape, 40, 4)
    done = strategy.study.get_trials(states=[TrialState.COMPLETE])
    rows = np.array([[trial.params[name] for name in space.gene_names] for trial in done])
    np.testing.assert_array_equal(rows, np.concatenate([earlier, X]))
    np.testing.assert_allclose([trial.value for trial in done], landscape(rows))
    assert not strategy.study.get_trials(states=[TrialState.RUNNING, TrialState.WAITING])


def test_invalid_ones_are_pruned_and_known_or_failed_ones_fail(space):
    strategy = random(space, 0)
    X = strategy.ask(30).X
    pruned = strategy.study.get_trials(states=[TrialState.PRUNED])
    genes = np.array([[trial.params[name] for name in space.gene_names] for trial in pruned])
    assert len(genes)
    assert not space.valid(genes).any()
    strategy.tell(X, np.full(30, np.nan))
    failed = strategy.study.get_trials(states=[TrialState.FAIL])
    assert {tuple(t.params.values()) for t in failed} >= {tuple(x) for x in X.tolist()}


def test_what_replaces_a_hopeless_idea_is_near_to_it():
    space = get_space("nas-bench-101")  # 423,624 of many billions of combinations are valid
    strategy = random(space, 0)
    x = strategy.ask(1).X[0]
    *tried, used = strategy.study.get_trials()
    assert list(used.params.values()) == x.tolist()
    last = np.array(list(tried[-1].params.values()))
    far = np.count_nonzero(space.sample(200, 0) != last, axis=1)
    assert np.count_nonzero(x != last) <= np.quantile(far, 0.1)


def test_tpe_learns_what_is_good():
    space, landscape = get_space("nas-bench-201"), Landscape(get_space("nas-bench-201"))
    late = [landscape(run(make(space, 0), landscape, 80, 4)[40:]).mean() for make in (tpe, random)]
    spread = landscape(space.enumerate()).std()
    assert late[0] > late[1] + spread / 2  # forty means differ by a fifth of the spread by chance


def test_several_objectives_with_a_sampler_for_several():
    space = get_space("nas-bench-201")
    strategy = OptunaStrategy(space, sampler=NSGAIISampler(population_size=8, seed=0), n_objectives=2, random_state=0)
    for _ in range(5):
        X = strategy.ask(8).X
        strategy.tell(X, np.stack([Landscape(space, seed)(X) for seed in (0, 1)], axis=1))
    assert len(strategy.study.trials) >= 40
    assert strategy.study.best_trials
    with pytest.raises(InvalidInputError, match="n_objectives=1"):
        strategy.tell(X, np.zeros(8))


def test_a_sampler_is_copied_and_the_default_is_seeded(space):
    sampler = TPESampler(seed=3)
    made = [partial(OptunaStrategy, sampler=sampler), OptunaStrategy]
    for make in made:
        a, b = (run(make(space, random_state=0), Landscape(space), 25, 1) for _ in range(2))
        np.testing.assert_array_equal(a, b)


def test_a_killed_search_is_continued(space, tmp_path):
    objective = CallableObjective(lambda x: float(x.sum()), space)
    search(objective, tpe(space, 0), budget=15, run_dir=tmp_path)
    continued = search(objective, tpe(space, 0), budget=30, run_dir=tmp_path)
    np.testing.assert_array_equal(continued.X, search(objective, tpe(space, 0), budget=30).X)


def test_suggest_says_when_genes_make_no_architecture(space):
    study = optuna.create_study()
    study.enqueue_trial(dict.fromkeys(space.gene_names, 0))
    good = space.sample(1, 0)
    study.enqueue_trial(dict(zip(space.gene_names, good[0].tolist(), strict=True)))
    invalid = next(x for x in np.ndindex(*space.cardinalities) if not space.valid(np.array([x]))[0])
    study.enqueue_trial(dict(zip(space.gene_names, invalid, strict=True)))
    study.ask()
    np.testing.assert_array_equal(suggest(study.ask(), space), good[0])
    with pytest.raises(optuna.TrialPruned, match="no architecture of space 'nas-bench-graph'"):
        suggest(study.ask(), space)


def test_widths_have_an_order():
    assert isinstance(distributions(get_space("mlp"))["width 1"], optuna.distributions.IntDistribution)
