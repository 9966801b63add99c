"""A search spends its budget once, in one place, and ends the same whatever happened to it on the way."""

import json
import pkgutil
import subprocess
import sys
from collections import deque

import numpy as np
import pytest

import surrogate_nas as sn
import surrogate_nas.experiments
from surrogate_nas.core import Column, InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.experiments.objectives import (
    CallableObjective,
    Evaluation,
    Limit,
    MultiObjective,
    Objective,
    TableObjective,
)
from surrogate_nas.experiments.run_log import read_log
from surrogate_nas.experiments.searching.search import LOG_NAME, SearchResult, search
from surrogate_nas.predictors import AutoPredictor
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Exhaustive, RandomSearch, RegularizedEvolution, Strategy
from surrogate_nas.tables import Table
from surrogate_nas.testing.strategy import Landscape


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


@pytest.fixture(scope="module")
def table(space):
    X = space.enumerate()[::3]
    y, other = (Landscape(space, seed)(X) for seed in (0, 1))
    val = 0.25 + 0.5 * (y - y.min()) / np.ptp(y)
    test = val + 0.2 * (other - other.min()) / np.ptp(other)
    val[::9] = np.nan
    columns = {
        Column("t", "accuracy", "val"): val,
        Column("t", "accuracy", "test"): test,
        Column("t", "loss", "val"): 1 - val,
    }
    return Table(space, X, columns)


def evolution(space, **options):
    return RegularizedEvolution(space, **{"random_state": 0, "population_size": 10, "sample_size": 3, **options})


def frame(result):
    return result.history.drop(columns=["cost_s", "elapsed_s"])


def same(a, b):
    assert frame(a).equals(frame(b))


class Scripted(Strategy):
    """Proposes what it was given, and keeps what it was told."""

    def __init__(self, space, batches, epochs=None):
        super().__init__(space, random_state=0, allowed=None, key=None)
        self.batches = batches
        self.epochs = epochs
        self._left = [np.array(b, dtype=np.int16).reshape(-1, space.n_genes) for b in batches]
        self.told = []

    def _propose(self, n):
        X = self._left.pop(0)
        return Proposal(X, None if self.epochs is None else np.full(len(X), self.epochs))

    def _learn(self, X, scores, epochs, cost_s):
        self.told.append((X.tolist(), scores.tolist(), epochs, np.asarray(cost_s).tolist()))


def test_every_evaluation_is_charged_and_reported(table):
    result = search(TableObjective(table, task="t"), evolution(table.space), budget=57, batch_size=8)
    assert list(result.history) == ["step", "architecture", "score", "best", "cost_s", "worker", "elapsed_s"]
    assert result.history["step"].tolist() == list(range(1, 58))
    X = table.space.parse(result.history["architecture"].tolist())
    np.testing.assert_array_equal(X, result.X)
    np.testing.assert_array_equal(result.scores, table.query(X, task="t", metric="accuracy", split="val"))
    np.testing.assert_array_equal(result.history["best"], np.maximum.accumulate(result.scores))
    assert result.best_score == result.scores.max()
    np.testing.assert_array_equal(result.best, X[result.scores.argmax()])


def test_only_measured_rows_are_proposed(table):
    n = int(np.isfinite(table.values(task="t", metric="accuracy", split="val")).sum())
    result = search(TableObjective(table, task="t"), Exhaustive(table.space), budget=10**6, batch_size=500)
    assert len(result.scores) == n, "the key of this table is the row, and rows without a score do not count"
    assert np.isfinite(result.scores).all()


def test_what_is_lower_is_better_is_flipped_in_one_place(table):
    high, low = (
        search(TableObjective(table, task="t", metric=m), evolution(table.space), budget=60)
        for m in ("accuracy", "loss")
    )
    np.testing.assert_array_equal(high.X, low.X)
    np.testing.assert_allclose(high.scores, 1 - low.scores)
    np.testing.assert_array_equal(high.best, low.best)
    np.testing.assert_allclose(high.regret(), low.regret())
    assert low.best_score == low.scores.min()


def test_regret_is_what_the_incumbent_lacks(table):
    result = search(TableObjective(table, task="t"), RandomSearch(table.space, random_state=3), budget=40)
    val, test = (table.values(task="t", metric="accuracy", split=s) for s in ("val", "test"))
    here = table.query(result.X, task="t", metric="accuracy", split="test")
    for step in (0, 17, 39):
        best = result.scores[: step + 1].argmax()
        assert result.regret()[step] == pytest.approx(np.nanmax(val) - result.scores[best])
        assert result.regret("test")[step] == pytest.approx(np.nanmax(test) - here[best])
    assert (np.diff(result.regret()) <= 0).all()


def test_failures_are_charged_and_never_the_best(space):
    scores = iter([np.nan, np.inf, 1.0, np.nan, 3.0, -np.inf, 2.0])
    strategy = Scripted(space, [[[i] * 6] for i in range(5)] + [[[0, 0, 0, 0, 0, 1]], [[0, 0, 0, 0, 0, 2]]])
    result = search(CallableObjective(lambda x: next(scores), space), strategy, budget=7)
    np.testing.assert_array_equal(result.scores, [np.nan, np.nan, 1, np.nan, 3, np.nan, 2])
    assert result.incumbents.tolist() == [-1, -1, 2, 2, 4, 4, 4]
    np.testing.assert_array_equal(result.history["best"], [np.nan, np.nan, 1, 1, 3, 3, 3])
    assert np.isnan(strategy.told[1][1])


def test_nothing_but_failures_is_a_result(space):
    result = search(CallableObjective(lambda x: np.nan, space), evolution(space), budget=30)
    assert result.history["score"].isna().all()
    with pytest.raises(InvalidInputError, match="expected at least one evaluation that succeeded, got 30 that failed"):
        _ = result.best


def test_a_search_ends_where_the_space_does(space):
    only = space.enumerate()[:1]
    strategy = RandomSearch(space, random_state=0, allowed=lambda X: (only == X).all(axis=1))
    assert len(search(CallableObjective(lambda x: 1.0, space), strategy, budget=50).X) == 1
    nothing = RandomSearch(space, random_state=0, allowed=lambda X: np.zeros(len(X), dtype=bool))
    with pytest.raises(SpaceExhaustedError):
        search(CallableObjective(lambda x: 1.0, space), nothing, budget=50)


def test_a_strategy_that_has_nothing_more_to_say_ends_the_search(space):
    objective = CallableObjective(lambda x: 1.0, space)
    assert len(search(objective, Scripted(space, [[[0] * 6], []]), budget=9).X) == 1
    with pytest.raises(SpaceExhaustedError, match="to propose an architecture, got none"):
        search(objective, Scripted(space, [[]]), budget=9)


def test_epochs_go_to_the_objective_and_back_to_the_strategy(space, tmp_path):
    class Long(Objective):
        direction, key = "max", "row"

        def __init__(self):
            self.space = space

        def evaluate(self, X, epochs=None):
            return Evaluation(epochs * 1.0, epochs * 2.0)

        def describe(self):
            return {}

    for run_dir in (None, tmp_path, tmp_path):
        strategy = Scripted(space, [[[0] * 6, [1] * 6]], epochs=7)
        result = search(Long(), strategy, budget=2, run_dir=run_dir)
        assert result.history["epochs"].tolist() == [7, 7]
        assert result.scores.tolist() == [7.0, 7.0]
        assert strategy.told[0][2].tolist() == [7, 7]
        assert strategy.told[0][3] == [14.0, 14.0]


@pytest.mark.parametrize("batch_size", [1, 7])
def test_a_run_folder_changes_nothing_and_is_read_again(table, tmp_path, batch_size):
    objective = TableObjective(table, task="t")
    plain = search(objective, evolution(table.space), budget=40, batch_size=batch_size)
    logged = search(objective, evolution(table.space), budget=40, batch_size=batch_size, run_dir=tmp_path)
    before = (tmp_path / LOG_NAME).read_bytes()
    again = search(objective, evolution(table.space), budget=40, batch_size=batch_size, run_dir=tmp_path)
    same(plain, logged)
    same(plain, again)
    assert (tmp_path / LOG_NAME).read_bytes() == before


@pytest.mark.parametrize("strategy", [evolution, lambda space: RandomSearch(space, random_state=5)])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_a_log_cut_anywhere_ends_as_the_unbroken_run(table, tmp_path, batch_size, strategy):
    objective = TableObjective(table, task="t")

    def run(folder):
        return search(objective, strategy(table.space), budget=40, batch_size=batch_size, run_dir=folder)

    whole = run(tmp_path / "whole")
    log = (tmp_path / "whole" / LOG_NAME).read_bytes()
    for i, cut in enumerate(np.random.default_rng(0).integers(0, len(log), 8)):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / LOG_NAME).write_bytes(log[:cut])
        same(run(folder), whole)
        assert (folder / LOG_NAME).read_bytes() == log


def test_a_larger_budget_continues(table, tmp_path):
    objective = TableObjective(table, task="t")
    whole = search(objective, evolution(table.space), budget=60, batch_size=8)
    for budget in (13, 5, 60):
        part = search(objective, evolution(table.space), budget=budget, batch_size=8, run_dir=tmp_path)
        assert frame(part).equals(frame(whole).head(budget))


def test_an_interrupted_search_keeps_what_was_finished(space, tmp_path):
    landscape, calls = Landscape(space), []

    def score(x):
        calls.append(x.tolist())
        if len(calls) == 23:
            raise KeyboardInterrupt
        return float(landscape(x[None])[0])

    with pytest.raises(KeyboardInterrupt):
        search(CallableObjective(score, space), evolution(space), budget=40, batch_size=5, run_dir=tmp_path)
    assert len(read_log(tmp_path / LOG_NAME)[1]) == 22
    result = search(CallableObjective(score, space), evolution(space), budget=40, batch_size=5, run_dir=tmp_path)
    assert len(calls) == 41, "only the one that was interrupted was begun twice"
    calls.clear()
    calls.extend([None] * 100)
    same(result, search(CallableObjective(score, space), evolution(space), budget=40, batch_size=5))


def test_results_are_logged_as_they_finish_and_told_in_the_order_asked(space, tmp_path):
    landscape = Landscape(space)

    class Parallel(Objective):
        direction, key = "max", "canonical"

        def __init__(self, stop=None):
            self.space, self.stop, self.n = space, stop, 0

        def evaluate(self, X, epochs=None):
            raise AssertionError("its results come one by one")

        def stream(self, X, epochs=None):
            for i in np.random.default_rng(len(X)).permutation(len(X)):
                self.n += 1
                if self.n == self.stop:
                    raise KeyboardInterrupt
                yield np.array([i]), Evaluation(landscape(X[i : i + 1]), np.array([1.0]))

        def describe(self):
            return {}

    whole = search(Parallel(), evolution(space), budget=30, batch_size=6)
    with pytest.raises(KeyboardInterrupt):
        search(Parallel(stop=16), evolution(space), budget=30, batch_size=6, run_dir=tmp_path)
    assert len(read_log(tmp_path / LOG_NAME)[1]) == 15
    rest = Parallel()
    same(search(rest, evolution(space), budget=30, batch_size=6, run_dir=tmp_path), whole)
    assert rest.n == 15


KILLED = """
import os, signal, sys, time
import numpy as np
from surrogate_nas.experiments.objectives import CallableObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import RegularizedEvolution
from surrogate_nas.testing.strategy import Landscape

space = get_space("nas-bench-201")
space.canonical(space.enumerate()[:1])
landscape = Landscape(space)
folder, calls = sys.argv[1], os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def score(x):
    time.sleep(0.002)
    os.write(calls, b".")
    return float(landscape(x[None])[0])

def run(run_dir):
    strategy = RegularizedEvolution(space, random_state=0, population_size=20, sample_size=5)
    return search(CallableObjective(score, space), strategy, budget=120, batch_size=4, run_dir=run_dir)

rng = np.random.default_rng(int(sys.argv[3]))
kills = 0
while True:
    child = os.fork()
    if child == 0:
        run(folder)
        os._exit(0)
    if kills < 20:
        time.sleep(rng.uniform(0.0, 0.06))
        os.kill(child, signal.SIGKILL)
        kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    else:
        os.waitpid(child, 0)
        break
n_calls = os.fstat(calls).st_size
after, whole = (run(d).history.drop(columns=["cost_s", "elapsed_s"]) for d in (folder, None))
print(kills, n_calls, after.equals(whole))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_killed_at_twenty_moments_it_ends_as_the_unbroken_run(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run"), str(tmp_path / "calls"), "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kills, calls, equal = done.stdout.split()
    assert (kills, equal) == ("20", "True")
    # An evaluation counts as finished once its line is written: a kill can cost the one under way.
    assert 120 <= int(calls) <= 120 + 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 3}, "holds another run: batch_size was 1, now 3"),
        ({"strategy": lambda s: evolution(s, sample_size=4)}, "strategy.sample_size was 3, now 4"),
        ({"strategy": lambda s: evolution(s, random_state=1)}, "strategy.random_state was 0, now 1"),
        (
            {"strategy": lambda s: RandomSearch(s, random_state=0)},
            "strategy.name was 'RegularizedEvolution', now 'Random",
        ),
        ({"metric": "loss"}, "objective.metric was 'accuracy', now 'loss'"),
    ],
    ids=["batch", "parameter", "seed", "class", "objective"],
)
def test_another_search_in_the_same_folder_is_refused(table, tmp_path, change, message):
    def run(batch_size=1, strategy=evolution, metric=None):
        objective = TableObjective(table, task="t", metric=metric)
        return search(objective, strategy(table.space), budget=5, batch_size=batch_size, run_dir=tmp_path)

    run()
    with pytest.raises(InvalidInputError, match=message):
        run(**change)
    run()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda r: {**r, "row": [0] * 6}, r"step 3: expected what the strategy proposes, \[.*\], got \[0, 0"),
        (lambda r: {**r, "epochs": 3}, "step 3: expected what the strategy proposes"),
        (lambda r: {**r, "score": "good"}, "step 3: expected a number or null as score, got 'good'"),
        (lambda r: {**r, "score": True}, "step 3: expected a number or null as score, got True"),
        (lambda r: {**r, "cost_s": [1]}, r"step 3: expected a number or null as cost_s, got \[1\]"),
        (lambda r: {"row": r["row"]}, "line 4 without the field 'step'"),
    ],
    ids=["row", "epochs", "text", "bool", "cost", "step"],
)
def test_an_edited_log_is_one_line(table, tmp_path, edit, message):
    def run():
        return search(TableObjective(table, task="t"), evolution(table.space), budget=5, run_dir=tmp_path)

    run()
    lines = (tmp_path / LOG_NAME).read_text().splitlines()
    lines[3] = json.dumps(edit(json.loads(lines[3])))
    (tmp_path / LOG_NAME).write_text("\n".join(lines) + "\n")
    with pytest.raises(InvalidInputError, match=message) as error:
        run()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget: expected at least 1, got 0"),
        ({"budget": 2.5}, "budget: expected a whole number, got 2.5"),
        ({"budget": None}, "budget and budget_s: expected a number of evaluations or of seconds, got neither"),
        ({"budget_s": -1.0}, "budget_s: expected a positive number of seconds, got -1.0"),
        ({"budget_s": 9.0}, "budget_s: .* this table has no training times; name their metric"),
        ({"patience": 0}, "patience: expected at least 1, got 0"),
        ({"target": np.nan}, "target: expected a finite score, got nan"),
        ({"workers": 0}, "workers: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"strategy": evolution(get_space("nas-bench-graph"))}, "expected a strategy on the objective's space <Edge"),
        (
            {"random_state": None, "run_dir": "run"},
            "integer random_state, so that it can be continued, got random_stat",
        ),
        ({"run_dir": "file/run"}, "run folder: cannot write"),
        ({"budget_s": "9"}, "budget_s: expected a number, got '9'"),
        ({"target": [3]}, r"target: expected a number, got \[3\]"),
        ({"workers": None}, "workers: expected a whole number, got None"),
        ({"batch_size": 10**30}, "batch_size: expected at most 1,000,000"),
        ({"allowed": [3]}, "allowed: expected conditions on rows, .* got 3"),
        ({"progress": print}, "progress: expected an object with say and track"),
        ({"run_dir": 3}, "run_dir: expected the path of a folder, or None, got 3"),
        ({"run_dir": ""}, "run_dir: expected the path of a folder, or None, got ''"),
    ],
    ids=[
        "budget",
        "half",
        "neither",
        "seconds",
        "no-times",
        "patience",
        "target-nan",
        "workers",
        "batch",
        "space",
        "seed",
        "dir",
        "seconds-text",
        "target",
        "workers-none",
        "batch-huge",
        "allowed",
        "progress",
        "dir-number",
        "dir-empty",
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(table, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    strategy = options.pop("strategy", None) or evolution(table.space, random_state=options.pop("random_state", 0))
    with pytest.raises(InvalidInputError, match=message) as error:
        search(TableObjective(table, task="t"), strategy, **{"budget": 5, **options})
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_strategy_is_searched_with_once(table):
    objective, strategy = TableObjective(table, task="t"), evolution(table.space)
    search(objective, strategy, budget=5)
    with pytest.raises(InvalidInputError, match="make a new one for each run"):
        search(objective, strategy, budget=5)


def test_progress_counts_evaluations(table, tmp_path):
    class Listener:
        def __init__(self):
            self.heard = []

        def say(self, text):
            raise AssertionError(text)

        def track(self, label, done, total, note=""):
            self.heard.append((label, done, total))
            self.note = note

    listener = Listener()
    objective = TableObjective(table, task="t")
    result = search(objective, evolution(table.space), budget=10, batch_size=4, progress=listener)
    assert listener.heard == [("search", n, 10) for n in (4, 8, 10)]
    assert listener.note == f"best {result.best_score:.6g}"


def test_no_module_hides_a_public_name():
    """Importing a module sets an attribute of its package, which would then stand for the function of that name."""
    modules = {module.name for module in pkgutil.iter_modules(surrogate_nas.experiments.__path__)}
    assert not modules & set(surrogate_nas.experiments.__all__)
    assert surrogate_nas.search is search


def sparse_table(n=300):
    """A table of a few architectures of a space with 10^18 of them."""
    space = sn.get_space("nas-bench-301")
    X = space.sample(n, np.random.default_rng(0), unique=True)
    scores = np.random.default_rng(1).random(n)
    scores[::10] = np.nan  # never measured
    return sn.Table(space, X, {sn.Column("blobs", "accuracy", "val"): scores})


@pytest.mark.parametrize("strategy", [sn.strategies.RandomSearch, sn.strategies.RegularizedEvolution])
def test_a_search_stays_where_a_space_was_measured(strategy):
    table = sparse_table()
    objective = sn.TableObjective(table, task="blobs")
    result = sn.search(objective, strategy(table.space, random_state=0), budget=270)
    assert not np.isnan(result.scores).any()
    assert len(np.unique(table.space.keys(result.X))) == 270
    assert result.best_score == table.best(task="blobs")[1]


def test_published_behaviour_a_repeat_is_charged_again_and_the_log_replays_it(table, tmp_path):
    """Two parents of few members: among 150 evaluations many repeat where nothing counts as the same."""
    objective = TableObjective(table, task="t")
    options = {"key": "nothing", "population_size": 3, "sample_size": 2}
    whole = search(objective, evolution(table.space, **options), budget=150)
    assert len(whole.X) == 150 > len(np.unique(whole.X, axis=0))
    for budget in (70, 150):
        parts = search(objective, evolution(table.space, **options), budget=budget, run_dir=tmp_path)
    same(whole, parts)


def two_metrics(table):
    """Accuracy and a loss that says something else."""
    other = {**{c: table.values(task=c.task, metric=c.metric, split=c.split) for c in table.columns}}
    latency = Landscape(table.space, 5)(table.X)
    columns = {**other, Column("t", "latency"): latency - latency.min()}
    both = Table(table.space, table.X, columns)
    return MultiObjective(TableObjective(both, task="t", metric=m) for m in ("accuracy", "latency"))


def test_several_metrics_are_told_with_their_signs_flipped(table):
    objective = two_metrics(table)
    strategy = RandomSearch(table.space, random_state=0)
    told = []
    strategy._learn = lambda X, scores, epochs, cost_s: told.append(scores)
    result = search(objective, strategy, budget=30, batch_size=4)
    assert result.scores.shape == (30, 2)
    np.testing.assert_array_equal(np.concatenate(told), result.scores * [1, -1])
    assert list(result.history)[:4] == ["step", "architecture", "accuracy", "latency"]
    with pytest.raises(InvalidInputError, match="expected one metric, got accuracy, latency; result.pareto has"):
        _ = result.best
    with pytest.raises(InvalidInputError, match="expected one metric"):
        result.regret()


def test_the_front_is_what_nobody_beats(table):
    result = search(two_metrics(table), RandomSearch(table.space, random_state=1), budget=80)
    merit = result.scores * [1, -1]
    beaten = [any((b >= a).all() and (b > a).any() for b in merit) for a in merit]
    assert result.pareto.tolist() == np.flatnonzero(~np.array(beaten)).tolist()
    one = search(TableObjective(table, task="t"), evolution(table.space), budget=40)
    assert one.incumbents[-1] in one.pareto


@pytest.mark.parametrize("workers", [1, 3])
def test_several_metrics_are_logged_and_read_again(table, tmp_path, workers):
    def run():
        strategy = RandomSearch(table.space, random_state=0)
        return search(two_metrics(table), strategy, budget=20, batch_size=4, workers=workers, run_dir=tmp_path)

    whole = run()
    path = tmp_path / LOG_NAME
    path.write_bytes(path.read_bytes()[:-1000])
    same(run(), whole)
    lines = path.read_text().splitlines()
    lines[3] = json.dumps({**json.loads(lines[3]), "score": [1.0]})
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InvalidInputError, match=r"step 3: expected 2 scores, got \[1.0\]"):
        run()


def test_a_strategy_of_one_objective_says_so_at_once(table, tmp_path):
    with pytest.raises(InvalidInputError, match=r"expected a strategy for several objectives \(accuracy, latency\)"):
        search(two_metrics(table), evolution(table.space), budget=5, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_incumbent_is_the_best_of_the_longest_trainings(space):
    X = space.enumerate()[:6]
    scores, epochs = np.array([5.0, 9.0, 1.0, np.nan, 2.0, 8.0]), np.array([1, 1, 3, 9, 3, 1])
    objective = CallableObjective(len, space)
    result = SearchResult(objective, X, scores, np.ones(6), np.zeros(6, int), np.arange(6.0), epochs)
    assert result.incumbents.tolist() == [0, 1, 2, 2, 4, 4]
    assert result.best_score == 2.0
    assert result.pareto.tolist() == [4]


def test_a_budget_in_seconds_ends_after_the_evaluation_that_spends_it(table, tmp_path):
    columns = {c: table.values(task=c.task, metric=c.metric, split=c.split) for c in table.columns}
    seconds = np.random.default_rng(0).integers(1, 30, len(table)).astype(float)
    timed = Table(table.space, table.X, {**columns, Column("t", "train_time", unit="s"): seconds})
    objective = TableObjective(timed, task="t")
    whole = search(objective, evolution(table.space), budget=60)
    part = search(objective, evolution(table.space), budget_s=200)
    n = int((np.cumsum(whole.cost_s) < 200).sum()) + 1
    same(part, search(objective, evolution(table.space), budget=n))
    logged = search(objective, evolution(table.space), budget_s=200, run_dir=tmp_path)
    log = tmp_path / LOG_NAME
    log.write_bytes(log.read_bytes()[:1500])
    same(search(objective, evolution(table.space), budget_s=200, run_dir=tmp_path), logged)
    same(logged, part)
    assert len(search(objective, evolution(table.space), budget=7, budget_s=200).X) == 7
    assert len(search(objective, evolution(table.space), budget=700, budget_s=200).X) == n


def test_patience_ends_a_search_that_finds_nothing_better(table, tmp_path):
    objective = TableObjective(table, task="t")
    whole = search(objective, evolution(table.space), budget=400)
    result = search(objective, evolution(table.space), budget=400, patience=15, run_dir=tmp_path)
    same(result, search(objective, evolution(table.space), budget=len(result.X)))
    last = result.incumbents[-1]
    assert len(result.X) == last + 1 + 15
    assert (np.diff(np.unique(result.incumbents)) <= 15).all()
    assert len(search(objective, evolution(table.space), budget=400, patience=25, run_dir=tmp_path).X) > len(result.X)
    assert len(whole.X) == 400


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_a_search_ends_when_the_target_is_reached(table, metric):
    objective = TableObjective(table, task="t", metric=metric)
    whole = search(objective, evolution(table.space), budget=200)
    target = whole.scores[whole.incumbents[100]]
    result = search(objective, evolution(table.space), budget=200, target=float(target))
    assert len(result.X) == whole.incumbents[100] + 1
    assert result.best_score == target


def test_limits_are_honoured_and_part_of_the_run(table, tmp_path):
    loss = TableObjective(table, task="t", metric="loss")
    limit = Limit(loss, at_most=0.5)

    def run(allowed):
        return search(
            TableObjective(table, task="t"), evolution(table.space), budget=40, allowed=allowed, run_dir=tmp_path
        )

    result = run(limit)
    assert (loss.evaluate(result.X).scores <= 0.5).all()
    same(result, run([limit]))
    with pytest.raises(InvalidInputError, match="holds another run: allowed was"):
        run(Limit(loss, at_most=0.4))


def test_another_predictor_or_other_sources_are_another_search(table, tmp_path):
    class Guided(Strategy):
        def __init__(self, space, *, predictor=None, sources=None, random_state=0):
            super().__init__(space, random_state=random_state, allowed=None, key=None)
            self.predictor, self.sources = predictor, sources

        def _propose(self, n):
            return Proposal(self.ledger.rows(self.ledger.draw(n, self._any, self._rng, deque(), 8)))

        def _any(self, k):
            return self.ledger.sample(k, self._rng)

        def _learn(self, X, scores, epochs, cost_s):
            pass

    def run(alpha, *sources):
        predictor = AutoPredictor(table.space, random_state=alpha)
        strategy = Guided(table.space, predictor=predictor, sources=dict.fromkeys(sources))
        return search(TableObjective(table, task="t"), strategy, budget=5, run_dir=tmp_path)

    run(1, "a", "b")
    run(1, "b", "a")
    with pytest.raises(InvalidInputError, match="strategy.predictor.random_state was 1, now 2"):
        run(2, "a", "b")
    with pytest.raises(InvalidInputError, match=r"strategy.sources was \['a', 'b'\], now \['a'\]"):
        run(1, "a")
