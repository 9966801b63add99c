"""Several workers: on a table their waiting is simulated by recorded seconds, elsewhere they are processes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from surrogate_nas.core import Column, InvalidInputError, Proposal
from surrogate_nas.experiments.objectives import CallableObjective, TableObjective
from surrogate_nas.experiments.run_log import read_log
from surrogate_nas.experiments.searching.batches import share_out
from surrogate_nas.experiments.searching.search import LOG_NAME, search
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Exhaustive, RandomSearch, RegularizedEvolution, Strategy
from surrogate_nas.tables import Table
from surrogate_nas.testing.strategy import Landscape

SPACE = get_space("nas-bench-201")
LANDSCAPE = Landscape(SPACE)


def timed_table(seconds, scores=None):
    """A table whose rows took these seconds, in the order of the space."""
    X = SPACE.enumerate()[: len(seconds)]
    scores = np.arange(len(X)) / len(X) if scores is None else scores
    columns = {Column("t", "accuracy", "val"): scores, Column("t", "train_time", "", unit="s"): seconds}
    return Table(SPACE, X, columns)


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    seconds = rng.integers(1, 60, SPACE.size).astype(float)
    seconds[rng.random(SPACE.size) < 0.1] = np.nan
    y = LANDSCAPE(SPACE.enumerate())
    return TableObjective(timed_table(seconds, 0.2 + 0.6 * (y - y.min()) / np.ptp(y)), task="t")


def evolution(seed=0):
    return RegularizedEvolution(SPACE, random_state=seed, population_size=10, sample_size=3)


def same(a, b):
    assert a.history.equals(b.history)


def test_two_simulated_workers_by_hand():
    """Row 0 takes 5 s, row 1 takes 2, row 2 takes 4, row 3 takes 1.

    Worker 0 begins row 0, worker 1 row 1 (until 2) and then row 2 (until 6); at 5 worker 0 takes row 3 (until 6):
    at 6 both finish, row 2 was begun first.
    """
    objective = TableObjective(timed_table([5.0, 2.0, 4.0, 1.0]), task="t")
    result = search(objective, Exhaustive(SPACE), budget=4, workers=2)
    np.testing.assert_array_equal(result.X, SPACE.enumerate()[[1, 0, 2, 3]])
    assert result.elapsed_s.tolist() == [2.0, 5.0, 6.0, 6.0]
    assert result.worker.tolist() == [1, 0, 1, 0]
    assert result.cost_s.tolist() == [2.0, 5.0, 4.0, 1.0]


class Listening(Strategy):
    """Goes through the space in order, and notes what it was asked and told."""

    def __init__(self, space):
        super().__init__(space, random_state=0, allowed=None, key=None)
        self.heard, self._next = [], 0

    def _propose(self, n):
        self.heard.append(f"ask {n}")
        self._next += n
        return Proposal(self.space.enumerate()[self._next - n : self._next])

    def _learn(self, X, scores, epochs, cost_s):
        self.heard.append(f"tell {cost_s.item():.0f}")


def test_a_strategy_is_told_in_the_order_of_finishing():
    strategy = Listening(SPACE)
    search(TableObjective(timed_table([5.0, 2.0, 4.0, 1.0]), task="t"), strategy, budget=4, workers=2)
    assert strategy.heard == ["ask 2", "tell 2", "ask 1", "tell 5", "ask 1", "tell 4", "tell 1"]


def test_workers_share_a_batch_by_hand():
    """Two workers, batches of three: 5, 2 and 4 s end at 5, 2 and 6; the next batch begins at 6."""
    worker, elapsed_s = share_out([np.array([5.0, 2.0, 4.0]), np.array([1.0, np.nan])], 2)
    assert worker.tolist() == [0, 1, 1, 0, 1]
    assert elapsed_s.tolist() == [5.0, 2.0, 6.0, 7.0, 6.0]
    objective = TableObjective(timed_table([5.0, 2.0, 4.0, 1.0, 1.0]), task="t")
    result = search(objective, Exhaustive(SPACE), budget=5, workers=2, batch_size=3)
    assert result.elapsed_s.tolist() == [5.0, 2.0, 6.0, 7.0, 7.0]
    np.testing.assert_array_equal(result.X, SPACE.enumerate()[:5])


def test_one_worker_s_clock_is_the_sum(large):
    result = search(large, RandomSearch(SPACE, random_state=0), budget=20)
    np.testing.assert_allclose(result.elapsed_s, np.nancumsum(result.cost_s))
    assert (result.worker == 0).all()


def test_synchronous_workers_change_only_the_clock(large):
    one, four = (search(large, evolution(), budget=60, batch_size=8, workers=w) for w in (1, 4))
    columns = ["elapsed_s", "worker"]
    assert one.history.drop(columns=columns).equals(four.history.drop(columns=columns))
    assert set(four.worker) == {0, 1, 2, 3}
    assert four.elapsed_s.max() < one.elapsed_s.max() / 2


@pytest.mark.parametrize("workers", [2, 7])
def test_a_simulated_log_cut_anywhere_ends_as_the_unbroken_run(large, tmp_path, workers):
    def run(folder):
        return search(large, evolution(), budget=50, workers=workers, run_dir=folder)

    whole = run(tmp_path / "whole")
    same(whole, search(large, evolution(), budget=50, workers=workers))
    assert (np.diff(whole.elapsed_s) >= 0).all()
    log = (tmp_path / "whole" / LOG_NAME).read_bytes()
    for i, cut in enumerate(np.random.default_rng(0).integers(0, len(log), 8)):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / LOG_NAME).write_bytes(log[:cut])
        same(run(folder), whole)
        assert (folder / LOG_NAME).read_bytes() == log


def test_a_larger_budget_keeps_what_simulated_workers_finished(large, tmp_path):
    part = search(large, evolution(), budget=21, workers=4, run_dir=tmp_path)
    whole = search(large, evolution(), budget=60, workers=4, run_dir=tmp_path)
    assert whole.history.head(21).equals(part.history)
    assert len(np.unique(SPACE.keys(whole.X))) == 60
    assert (np.diff(whole.elapsed_s) >= 0).all()


def test_a_smaller_budget_is_a_prefix_or_says_why_not(large, tmp_path):
    whole = search(large, evolution(), budget=40, workers=4, run_dir=tmp_path)
    before = (tmp_path / LOG_NAME).read_bytes()
    answers = []
    for budget in range(5, 40, 5):
        try:
            part = search(large, evolution(), budget=budget, workers=4, run_dir=tmp_path)
            answers.append(whole.history.head(budget).equals(part.history))
        except InvalidInputError as error:
            answers.append("cannot be repeated with a smaller budget" in str(error))
    assert all(answers)
    assert (tmp_path / LOG_NAME).read_bytes() == before


def test_a_budget_in_seconds_with_simulated_workers_finishes_what_is_under_way():
    objective = TableObjective(timed_table([5.0, 2.0, 4.0, 1.0, 9.0]), task="t")
    result = search(objective, Exhaustive(SPACE), budget_s=7, workers=2)
    # At 5 s of the clock 2 + 5 s are spent: nothing begins any more, and the one of 4 s is finished.
    assert result.cost_s.tolist() == [2.0, 5.0, 4.0]


def test_workers_of_a_table_without_times_need_a_batch():
    X = SPACE.enumerate()[:9]
    objective = TableObjective(Table(SPACE, X, {Column("t", "accuracy", "val"): np.linspace(0, 1, 9)}), task="t")
    with pytest.raises(InvalidInputError, match="this table has no training times; name their metric") as error:
        search(objective, Exhaustive(SPACE), budget=4, workers=2)
    assert "\n" not in str(error.value)
    assert len(search(objective, Exhaustive(SPACE), budget=4, workers=2, batch_size=2).X) == 4


def test_another_number_of_workers_is_another_run(large, tmp_path):
    search(large, evolution(), budget=5, workers=2, run_dir=tmp_path)
    with pytest.raises(InvalidInputError, match="workers was 2, now 3"):
        search(large, evolution(), budget=5, workers=3, run_dir=tmp_path)


# Processes.


def score(x):
    """A function that can be sent to other processes."""
    return float(LANDSCAPE(x[None])[0])


def score_or_die(x):
    """Kills its own process for some architectures."""
    if x[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return score(x)


def fail_once(x):
    if x[0] == 1:
        raise ValueError("the function's own")
    return score(x)


def process_objective(function=score):
    return CallableObjective(function, SPACE, key="row")


def test_batches_in_processes_are_told_in_the_order_asked():
    here, there = (search(process_objective(), evolution(), budget=24, batch_size=4, workers=w) for w in (1, 2))
    np.testing.assert_array_equal(here.X, there.X)
    np.testing.assert_array_equal(here.scores, there.scores)
    assert (there.cost_s > 0).all()


def test_free_processes_get_the_next_one():
    result = search(process_objective(), evolution(), budget=30, workers=2)
    assert len(np.unique(SPACE.keys(result.X))) == 30
    np.testing.assert_allclose(result.scores, LANDSCAPE(result.X))
    assert set(result.worker) == {0, 1}
    assert (np.diff(result.elapsed_s) >= 0).all()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_dead_worker_is_a_failed_evaluation(batch_size):
    X = SPACE.enumerate()
    rows = np.concatenate([X[X[:, 0] == 0][:1], X[X[:, 0] > 0][:7]])
    strategy = RandomSearch(SPACE, random_state=0, allowed=lambda X: (X[:, None] == rows).all(axis=2).any(axis=1))
    result = search(process_objective(score_or_die), strategy, budget=8, workers=2, batch_size=batch_size)
    np.testing.assert_array_equal(np.isnan(result.scores), result.X[:, 0] == 0)
    assert len(result.X) == 8


def test_the_function_s_own_errors_end_the_search_and_keep_the_log(tmp_path):
    with pytest.raises(ValueError, match="the function's own"):
        search(process_objective(fail_once), evolution(), budget=40, workers=2, run_dir=tmp_path)
    for record in read_log(tmp_path / LOG_NAME)[1]:
        assert record["row"][0] != 1


def test_what_cannot_be_sent_to_a_process_is_one_line():
    with pytest.raises(InvalidInputError, match="define its function at the top of a module") as error:
        search(process_objective(lambda x: 0.0), evolution(), budget=4, workers=2)
    assert "\n" not in str(error.value)


KILLED = """
import os, signal, subprocess, sys, time
import numpy as np
from surrogate_nas.experiments.objectives import CallableObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import RegularizedEvolution
from surrogate_nas.testing.strategy import Landscape

space = get_space("nas-bench-201")
landscape = Landscape(space)

def score(x):
    calls = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    time.sleep(0.02)
    os.write(calls, (space.format(x[None])[0] + "\\n").encode())
    os.close(calls)
    return float(landscape(x[None])[0])

if __name__ == "__main__":
    strategy = RegularizedEvolution(space, random_state=0, population_size=10, sample_size=3)
    objective = CallableObjective(score, space, key="row")
    batch_size = int(sys.argv[3])
    result = search(objective, strategy, budget=60, workers=2, batch_size=batch_size, run_dir=sys.argv[1])
    print(len(result.X), len(np.unique(space.keys(result.X))), int(np.isfinite(result.scores).sum()))
    sys.stdout.write("\\n".join(result.history["architecture"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_killed_with_its_workers_nothing_is_lost_or_done_twice(tmp_path, batch_size):
    script, folder, calls = tmp_path / "killed.py", tmp_path / "run", tmp_path / "calls"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(folder), str(calls), str(batch_size)]
    rng = np.random.default_rng(1)
    kills = 0
    for _ in range(6):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        n = len(calls.read_text().split()) if calls.exists() else 0
        more = rng.integers(1, 12)
        while child.poll() is None and time.monotonic() < until:
            if calls.exists() and len(calls.read_text().split()) >= n + more:
                child.kill()
                break
            time.sleep(0.002)
        kills += child.wait() == -signal.SIGKILL
        logged = [r["architecture"] for r in read_log(folder / LOG_NAME)[1]]
        assert len(set(logged)) == len(logged)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    head, *architectures = done.stdout.splitlines()
    assert head == "60 60 60"
    assert kills >= 4
    begun = calls.read_text().split()
    # What is logged is never evaluated again; each kill can cost what the two workers had under way.
    assert 60 <= len(begun) <= 60 + 3 * kills
    assert sorted(set(begun)) == sorted(architectures)
    if batch_size > 1:
        whole = subprocess.run(
            [*command[:2], str(tmp_path / "other"), str(tmp_path / "others"), "4"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert whole.stdout.splitlines()[1:] == architectures
