"""Optuna's samplers search our spaces, and our predictors sample for Optuna's studies."""

import subprocess
import sys
from functools import partial

import numpy as np
import optuna
import pytest
from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives import CallableObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.integrations.optuna import OptunaStrategy, SurrogateSampler, distributions, suggest
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


def study_of(space, sampler, n_trials, direction="maximize", seed=0):
    """A study that looks for the best (or worst) of a landscape."""
    sign = 1.0 if direction == "maximize" else -1.0
    study = optuna.create_study(direction=direction, sampler=sampler)
    study.optimize(lambda trial: sign * Landscape(space, seed)(suggest(trial, space)[None])[0], n_trials=n_trials)
    return study


def rows_of(study, space):
    return np.array([[trial.params[name] for name in space.gene_names] for trial in study.trials])


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_predictors_find_what_is_good_in_either_direction(space, direction):
    study = study_of(space, SurrogateSampler(space, seed=0), 25, direction)
    X, landscape = rows_of(study, space), Landscape(space)
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials), "never invalid"
    assert len(np.unique(X, axis=0)) == 25, "never twice"
    late, everywhere = landscape(X[10:]), landscape(space.enumerate())
    assert late.mean() > everywhere.mean() + everywhere.std()


def test_the_first_ones_are_random_and_a_seed_repeats_them_all(space):
    first, again, later = (study_of(space, SurrogateSampler(space, seed=s), 13, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(rows_of(first, space), rows_of(again, space))
    assert not np.array_equal(rows_of(first, space), rows_of(later, space))


def test_other_parameters_are_sampled_independently(space):
    def objective(trial):
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        score = Landscape(space)(suggest(trial, space)[None])[0]
        return score + trial.suggest_int("depth", 1, 3) if trial.suggest_categorical("deep", [True, False]) else rate

    study = optuna.create_study(direction="maximize", sampler=SurrogateSampler(space, n_startup_trials=4, seed=0))
    study.optimize(objective, n_trials=8)
    assert len({trial.params["rate"] for trial in study.trials}) == 8
    assert {"depth" in trial.params for trial in study.trials} == {True, False}


def test_a_predictor_of_ones_own_is_asked_and_failures_are_survived(space):
    class First:
        """Prefers small genes, and remembers what it was told."""

        def fit(self, X, y):
            told.append((len(X), float(y.min())))

        def predict(self, X, *, return_std):
            assert not return_std, "the greedy acquisition looks at no deviations"
            return -X.sum(axis=1).astype(float)

    def objective(trial):
        suggest(trial, space)
        if trial.number == 1:
            raise optuna.TrialPruned
        return float("nan") if trial.number == 2 else 1.0

    told = []
    sampler = SurrogateSampler(space, First(), acquisition="greedy", n_startup_trials=3, pool_size=30_000, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=5)
    assert [n for n, _ in told] == [3, 4], "failed ones are told, as the worst"
    everything = space.enumerate()
    assert rows_of(study, space)[3].sum() == everything.sum(axis=1).min()


def test_a_study_goes_on_with_a_new_sampler_and_running_trials_are_not_repeated(space):
    study = optuna.create_study(direction="maximize", sampler=SurrogateSampler(space, seed=0))
    for _ in range(3):
        suggest(study.ask(), space)
    study.sampler = SurrogateSampler(space, seed=0, n_startup_trials=2)
    waiting = [study.ask(distributions(space)) for _ in range(4)]
    for trial in waiting:
        study.tell(trial, float(trial.params["op0"]))
    study.ask(distributions(space))
    assert len(np.unique(rows_of(study, space), axis=0)) == 8


def test_several_objectives_are_refused(space):
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=SurrogateSampler(space))
    with pytest.raises(InvalidInputError, match="expected a study of one objective, got 2"):
        study.ask(distributions(space))


def test_without_optuna_the_error_says_what_to_install():
    code = "import sys; sys.modules['optuna'] = None; import surrogate_nas.integrations.optuna"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: surrogate_nas.integrations.optuna needs optuna: pip install" in done.stderr
