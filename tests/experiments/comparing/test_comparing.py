"""A comparison is fair, is not disturbed by what fails, and ends the same whoever computes it and however often."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.core import Column, InvalidInputError, Proposal, TaskData, UnknownNameError
from surrogate_nas.experiments.comparing.cells import seed_of
from surrogate_nas.experiments.comparing.compare import compare
from surrogate_nas.experiments.comparing.comparison import COLUMNS, FILE_NAME, Comparison
from surrogate_nas.experiments.comparing.sources import Sources, sources_for
from surrogate_nas.experiments.objectives import (
    CallableObjective,
    MultiObjective,
    NoisyObjective,
    TableObjective,
    WeightedObjective,
)
from surrogate_nas.experiments.presets.model_based import brp_nas
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.strategies import Hyperband, RandomSearch, RegularizedEvolution, Strategy, UpperConfidenceBound
from surrogate_nas.tables import Table
from surrogate_nas.testing.strategy import Landscape

TWO = ("random", "regularized-evolution")


@pytest.fixture(scope="module")
def table():
    return sn.load_table("nas-bench-graph")


@pytest.fixture(scope="module")
def objectives(table):
    return [TableObjective(table, task=task) for task in table.tasks[:3]]


class Learner:
    """A factory that keeps what it was given."""

    def __init__(self):
        self.given = []

    def __call__(self, space, *, random_state, sources):
        self.given.append((random_state, sources))
        return RandomSearch(space, random_state=random_state)


class Broken(Strategy):
    """Raises in the middle of every other run; ``dies`` takes the whole process along."""

    def __init__(self, space, *, random_state=None, dies=False):
        super().__init__(space, random_state=random_state, allowed=None, key=None)
        self.dies = dies
        self.left = 4

    def _propose(self, n):
        self.left -= 1
        if not self.left and self.dies:
            os._exit(3)
        if not self.left and self.random_state % 2:
            raise ValueError(f"no idea\nany more for {self.random_state}")
        return Proposal(self.ledger.sample(1, self._rng))

    def _learn(self, X, scores, epochs, cost_s):
        """Nothing."""


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.parquet")}


def by_run(comparison, strategy, task, seed):
    frame = comparison.frame
    return frame[(frame["strategy"] == strategy) & (frame["task"] == task) & (frame["seed"] == seed)]


def test_the_frame_is_what_the_searches_found(table, objectives):
    comparison = compare({"luck": "random", "re": RegularizedEvolution}, objectives, budget=30, seeds=[3, 1])
    frame = comparison.frame
    assert tuple(frame) == COLUMNS
    assert len(frame) == 2 * 3 * 2 * 30
    assert list(frame["strategy"].cat.categories) == ["luck", "re"]
    assert frame["seed"].unique().tolist() == [3, 1], "in the order given"
    assert [str(kind) for kind in frame.dtypes[["epochs", "seed", "step", "worker"]]] == ["Int64", *["int64"] * 3]
    assert all(
        isinstance(frame[c].dtype, pd.CategoricalDtype) for c in COLUMNS[:3] + ("architecture", "metric", "split")
    )
    for task, objective in zip(table.tasks, objectives, strict=False):
        run = by_run(comparison, "re", task, 1)
        assert run["run"].unique().tolist() == [f"re/{task}/1"]
        alone = search(objective, RegularizedEvolution(table.space, random_state=seed_of(task, 1)), budget=30)
        assert run["step"].tolist() == list(range(1, 31))
        assert run["architecture"].tolist() == table.space.format(alone.X)
        np.testing.assert_array_equal(run["value"], alone.scores)
        np.testing.assert_allclose(run["regret"], alone.regret())
        np.testing.assert_allclose(run["test_regret"], alone.regret("test"))
    assert not len(comparison.failures)
    assert (comparison.timings["cpu_s"] > 0).all()
    assert len(comparison.timings) == 12


def test_tasks_say_what_there_is_to_reach(table):
    tasks = compare(["random"], table, budget=2, seeds=1).tasks
    assert list(tasks.index) == list(table.tasks)
    assert list(tasks) == ["metric", "split", "unit", "direction", "best", "target"]
    for task in table.tasks:
        _, y = table.data(task=task, split="val")
        assert tasks.loc[task, "best"] == y.max()
        reached = (y >= tasks.loc[task, "target"]).sum()
        assert np.sort(y)[-int(np.ceil(len(y) / 1000))] == tasks.loc[task, "target"]
        assert reached >= np.ceil(len(y) / 1000), "equal scores reach it together"


def test_less_is_better_where_the_metric_says_so(table):
    cost = TableObjective(table, task="cora", metric="params")
    comparison = compare(["random"], {"size": cost}, budget=20, seeds=2)
    y = table.data(task="cora", metric="params")[1]
    facts = comparison.tasks.loc["size"]
    assert (facts["direction"], facts["best"]) == ("min", y.min())
    assert facts["target"] == np.sort(y)[int(np.ceil(len(y) / 1000)) - 1]
    run = by_run(comparison, "random", "size", 0)
    np.testing.assert_allclose(run["regret"], np.minimum.accumulate(run["value"]) - y.min())
    assert run["test_regret"].isna().all()


def test_seconds_and_workers_are_those_of_the_table():
    space = sn.get_space("nas-bench-201")
    X = space.enumerate()[:300]
    rng = np.random.default_rng(0)
    columns = {
        Column("a", "accuracy", "val", 12): rng.random(300),
        Column("a", "seconds", "", 12): rng.uniform(1, 9, 300),
    }
    objective = TableObjective(Table(space, X, columns), task="a", cost="seconds")
    comparison = compare(["random"], objective, budget_s=60, seeds=3, workers=4)
    for _, run in comparison.frame.groupby("run", observed=True):
        assert set(run["worker"]) == {0, 1, 2, 3}
        assert run["cost_s"].sum() > 60
        assert run["cost_s"].iloc[:-4].sum() < 60


def test_runs_are_paired_and_independent(objectives):
    a, b = Learner(), Learner()
    compare({"a": a, "b": b}, objectives, budget=1, seeds=4)
    seeds = [seed for seed, _ in a.given]
    assert seeds == [seed for seed, _ in b.given]
    assert len(set(seeds)) == 12
    assert seeds[:4] == [seed_of(objectives[0].task, s) for s in range(4)]


def test_sources_never_hold_the_target(table):
    learner = Learner()
    noisy = {"noisy": NoisyObjective(TableObjective(table, task="cs"), std=0.01)}
    cheap = {"cheap": TableObjective(table, task="photo", metric="latency")}
    tasks = {t: TableObjective(table, task=t) for t in table.tasks} | noisy | cheap
    compare({"learner": learner}, tasks, budget=1, seeds=2)
    targets = [*table.tasks, "cs", "photo"]
    for i, task in enumerate(targets):
        first, second = (sources for _, sources in learner.given[2 * i : 2 * i + 2])
        assert first is second, "one object for all seeds of a task, to remember what was learned from it by"
        assert {first: 1}[second] == 1
        assert set(first) == set(table.tasks) - {task}
    data = learner.given[0][1]["proteins"]
    X, y = table.data(task="proteins", split="val")
    np.testing.assert_array_equal(data.X, X)
    np.testing.assert_array_equal(data.y, y)
    assert (data.direction, data.space) == ("max", None)
    assert learner.given[-1][1]["cora"].direction == "min", "of the metric that is searched on"


def test_a_task_under_another_name_is_no_source(table):
    X, y = table.data(task="cora", split="val")
    other = np.random.default_rng(0).random(len(y))
    columns = {Column("alias", "accuracy", "val"): y, Column("other", "accuracy", "val"): other}
    both = Table(table.space, X, {**columns, Column("t", "accuracy", "val"): y}, key="canonical")
    objectives = {"mine": TableObjective(both, task="t")}
    assert list(sources_for("mine", objectives)) == ["other"]
    assert list(sources_for("mine", {**objectives, "c": TableObjective(table, task="cs")})) == ["other", *table.tasks]


def test_sources_can_be_given_or_refused(table, objectives):
    tasks = {o.task: o for o in objectives}
    X, y = table.data(task="arxiv", split="val")
    given = {"arxiv": (X, y), "cora": TaskData(X, y)}
    assert list(sources_for("cora", tasks, given)) == ["arxiv"]
    assert list(sources_for("pubmed", tasks, given)) == ["arxiv", "cora"]
    assert sources_for("cora", tasks, {}) is None
    weighted = WeightedObjective(
        MultiObjective([TableObjective(table, task="cora"), TableObjective(table, task="cora", metric="latency")]),
        {"accuracy": 1.0, "latency": -1.0},
    )
    assert sources_for("w", {"w": weighted}) is None
    assert list(sources_for("w", {"w": weighted}, given)) == ["arxiv"]
    assert isinstance(sources_for("cora", tasks), Sources)


def test_schedules_of_other_tasks_come_nearest_to_the_targets():
    space = sn.get_space("nas-bench-201")
    X = space.enumerate()[:50]
    rng = np.random.default_rng(0)
    columns = [("a", 12), ("a", 200), ("b", 12), ("b", 90), ("c", 12), ("c", 200), ("c", 300)]
    table = Table(space, X, {Column(task, "accuracy", "val", n, unit="1"): rng.random(50) for task, n in columns})
    sources = sources_for("t", {"t": TableObjective(table, task="a", epochs=200)})
    assert list(sources) == ["b", "c"], "the target's short schedule is the target still"
    for task, epochs in (("b", 90), ("c", 200)):
        np.testing.assert_array_equal(sources[task].y, table.values(task=task, epochs=epochs))


def test_the_same_file_from_any_number_of_processes(objectives, tmp_path):
    for jobs in (1, 2):
        compare(TWO, objectives, budget=20, seeds=7, n_jobs=jobs, run_dir=tmp_path / str(jobs))
    one, two = ((tmp_path / str(jobs) / FILE_NAME).read_bytes() for jobs in (1, 2))
    assert one == two
    memory = compare(TWO, objectives, budget=20, seeds=7)
    memory.save(tmp_path / "memory.parquet")
    assert (tmp_path / "memory.parquet").read_bytes() == one


def test_what_is_added_costs_only_itself(table, objectives, tmp_path):
    a, b = Learner(), Learner()
    two = {o.task: o for o in objectives[:2]}
    three = {o.task: o for o in objectives}
    compare({"a": a}, two, budget=5, seeds=[1, 5], run_dir=tmp_path)
    assert len(a.given) == 4
    compare({"a": a}, two, budget=5, seeds=[1, 5], run_dir=tmp_path)
    assert len(a.given) == 4
    whole = compare({"a": a, "b": b}, three, budget=5, seeds=6, run_dir=tmp_path)
    assert (len(a.given), len(b.given)) == (18, 18)
    afresh = compare({"a": Learner(), "b": Learner()}, three, budget=5, seeds=6)
    pd.testing.assert_frame_equal(whole.frame, afresh.frame)
    assert len(whole.timings) == 36
    part = compare({"b": b}, {"cora": three["cora"]}, budget=5, seeds=[4], run_dir=tmp_path)
    assert part.frame["run"].unique().tolist() == ["b/cora/4"]
    assert list(part.frame["architecture"].cat.categories) == sorted(set(part.frame["architecture"]))
    assert len(b.given) == 18


def test_another_comparison_is_refused_in_one_line(table, objectives, tmp_path):
    run = partial(compare, {"re": RegularizedEvolution}, objectives[0], seeds=1, run_dir=tmp_path)
    run(budget=5)
    before = files(tmp_path)
    for change, message in (
        (partial(run, budget=6), "budget was 5, now 6"),
        (partial(run, budget=5, batch_size=2), "batch_size was 1, now 2"),
        (partial(compare, {"re": "random"}, objectives[0], budget=5, run_dir=tmp_path), "strategy 're' was"),
        (
            partial(
                compare, {"re": partial(RegularizedEvolution, sample_size=2)}, objectives[0], budget=5, run_dir=tmp_path
            ),
            "strategy 're' was RegularizedEvolution",
        ),
        (
            partial(compare, TWO, {"cora": TableObjective(table, task="cs")}, budget=5, run_dir=tmp_path),
            "task 'cora' was",
        ),
        (partial(run, budget=5, sources={}), "task 'cora' was"),
    ):
        with pytest.raises(InvalidInputError, match=message) as error:
            change()
        assert "\n" not in str(error.value)
    assert files(tmp_path) == before


def lucky(space, *, random_state, levels=(), acquisition=None, **options):
    """A factory with options of its own, and some for what it makes."""
    return RandomSearch(space, random_state=random_state, **options)


def test_other_options_are_another_strategy(objectives, tmp_path):
    def run(levels, beta):
        factory = partial(lucky, levels=levels, acquisition=UpperConfidenceBound(beta))
        return compare({"luck": factory}, objectives[0], budget=3, seeds=1, run_dir=tmp_path)

    run((1, 200), 2.0)
    run((1, 200), 2.0)
    with pytest.raises(InvalidInputError, match=r"'luck' was .*\[1, 200\].*, now .*\[12, 200\]"):
        run((12, 200), 2.0)
    with pytest.raises(InvalidInputError, match=r"'luck' was .*'beta': 2.0.*, now .*'beta': 1.0"):
        run((1, 200), 1.0)


def test_a_factory_is_handed_what_it_names_and_one_that_forwards_everything_is_handed_all(objectives):
    given = []

    def forwards(space, **everything):
        given.append(sorted(everything))
        return RandomSearch(space, random_state=everything["random_state"])

    presets = {"forwards": forwards, "lucky": partial(lucky, key="row"), "preset": partial(brp_nas, n_initial=3)}
    comparison = compare(presets, objectives[0], budget=3, seeds=1)
    assert not len(comparison.failures), "further keywords of a preset are options, not sources"
    assert given == [["random_state", "sources"]]


def test_an_error_ends_one_run_and_is_told(objectives, tmp_path):
    strategies = {"broken": Broken, "random": "random"}
    for jobs in (1, 2):
        comparison = compare(strategies, objectives, budget=8, seeds=6, n_jobs=jobs, run_dir=tmp_path / str(jobs))
        odd = [(o.task, s) for o in objectives for s in range(6) if seed_of(o.task, s) % 2]
        assert 0 < len(odd) < 18
        failures = comparison.failures
        assert list(failures["strategy"].unique()) == ["broken"]
        assert list(zip(failures["task"], failures["seed"], strict=True)) == odd
        message = failures["message"][0]
        assert message.startswith(f"ValueError: no idea any more for {seed_of(*odd[0])} (test_comparing.py, line ")
        assert comparison.frame["run"].nunique() == 36 - len(odd)
    assert (
        files(tmp_path / "1")[(tmp_path / FILE_NAME).relative_to(tmp_path)] == (tmp_path / "2" / FILE_NAME).read_bytes()
    )
    pd.testing.assert_frame_equal(Comparison.load(tmp_path / "1").failures, failures)
    with pytest.raises(InvalidInputError, match="one run that succeeded, 1 failed: ValueError: no idea"):
        compare({"broken": Broken}, objectives[0], budget=8, seeds=[s for t, s in odd if t == objectives[0].task][:1])


def test_a_dying_process_takes_its_cell_along_and_nothing_else(objectives):
    strategies = {"dies": partial(Broken, dies=True), "random": "random"}
    comparison = compare(strategies, objectives[0], budget=8, seeds=2, n_jobs=2)
    assert comparison.frame["strategy"].unique().tolist() == ["random"]
    assert comparison.failures["strategy"].tolist() == ["dies", "dies"]
    assert "exit code 3" in comparison.failures["message"][0]


def test_save_and_load(objectives, tmp_path):
    comparison = compare(TWO, objectives[:1], budget=10, seeds=2)
    path = tmp_path / "c.parquet"
    comparison.save(path)
    loaded = Comparison.load(path)
    for name in ("frame", "tasks", "failures"):
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(comparison, name))
    assert not len(loaded.timings)
    pd.testing.assert_frame_equal(pd.read_parquet(path), comparison.frame)
    (tmp_path / "text.parquet").write_text("no")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    for wrong in ("text.parquet", "other.parquet", "nothing.parquet", "."):
        with pytest.raises(InvalidInputError, match=r"expected a comparison as Comparison\.save writes it"):
            Comparison.load(tmp_path / wrong)


def test_a_damaged_part_is_named(objectives, tmp_path):
    run = partial(compare, ["random"], objectives[0], budget=5, seeds=2, run_dir=tmp_path)
    whole = run()
    part = next((tmp_path / "parts").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(InvalidInputError, match="delete the file to do them again"):
        run()
    part.unlink()
    pd.testing.assert_frame_equal(run().frame, whole.frame)


def test_what_is_not_known_is_missing():
    space = sn.get_space("nas-bench-201")
    landscape = Landscape(space)
    objective = CallableObjective(lambda x: float(landscape(x[None])[0]) if x[0] else np.nan, space)
    comparison = compare({"re": partial(RegularizedEvolution, population_size=5)}, {"f": objective}, budget=20, seeds=2)
    frame = comparison.frame
    assert frame[["regret", "test_regret"]].isna().all(axis=None)
    assert frame["value"].isna().any()
    assert frame["cost_s"].notna().all()
    assert comparison.tasks.loc["f", ["metric", "split"]].tolist() == ["score", ""]
    assert comparison.tasks.loc["f", ["best", "target"]].isna().all()


def test_epochs_are_the_strategys_else_the_objectives():
    space = sn.get_space("nas-bench-201")
    X = space.enumerate()[:60]
    rng = np.random.default_rng(0)
    table = Table(space, X, {Column("a", "accuracy", "val", n, unit="1"): rng.random(60) for n in (12, 200)})
    objective = TableObjective(table, task="a", epochs=200)
    levels = partial(Hyperband, levels=(12, 200))
    comparison = compare({"full": "random", "hyperband": levels}, objective, budget=40, seeds=3)
    frame = comparison.frame
    assert set(frame.loc[frame["strategy"] == "full", "epochs"]) == {200}
    assert set(frame.loc[frame["strategy"] == "hyperband", "epochs"]) == {12, 200}
    assert not frame[["run", "architecture", "epochs"]].duplicated().any()
    for seed in range(3):
        alone = search(objective, levels(space, random_state=seed_of("a", seed)), budget=40)
        run = by_run(comparison, "hyperband", "a", seed)
        assert run["epochs"].tolist() == alone.epochs.tolist()
        np.testing.assert_array_equal(run["regret"], alone.regret())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": 0}, "budget: expected at least 1"),
        ({"budget": None}, "expected a number of evaluations or of seconds"),
        ({"budget_s": 3.0}, "no training times"),
        ({"workers": 0}, "workers: expected at least 1"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"seeds": 0}, "seeds: expected"),
        ({"seeds": [1, 1]}, "seeds: expected"),
        ({"seeds": [-1]}, "seeds: expected"),
        ({"strategies": {}}, "strategies: expected at least one"),
        ({"strategies": {"a/b": "random"}}, "without '/'"),
        ({"strategies": {"a": 3}}, "expected a name or a factory"),
        ({"objectives": {}}, "objectives: expected at least one"),
        ({"objectives": {"a": 3}}, "expected objectives by name"),
        ({"n_jobs": 0}, "jobs: expected"),
        ({"n_jobs": 2.5}, "n_jobs: expected a whole number, got 2.5"),
        ({"workers": 3}, "workers: expected an objective that says what an evaluation costs"),
        ({"seeds": 2.5}, "seeds: expected"),
        ({"seeds": ["a"]}, "seeds: expected"),
        ({"strategies": 3}, "strategies: expected names, or factories by name, got 3"),
        ({"strategies": [{}]}, "strategies: expected names, or factories by name"),
        ({"objectives": 3}, "objectives: expected objectives by name, or a table, got 3"),
        ({"sources": [1]}, r"sources: expected data by task, .* got \[1\]"),
        ({"run_dir": 3}, "run_dir: expected the path of a folder, or None, got 3"),
        (
            {"strategies": {"a": lambda space: RandomSearch(space)}, "n_jobs": 2},
            "strategy 'a': expected one that can be",
        ),
    ],
)
def test_impossible_arguments(objectives, change, message):
    given = {"strategies": ["random"], "objectives": objectives[:1], "budget": 3, "seeds": 2, **change}
    with pytest.raises(InvalidInputError, match=message):
        compare(given.pop("strategies"), given.pop("objectives"), **given)


def test_an_unknown_strategy_is_told_before_anything_is_done(objectives, tmp_path):
    with pytest.raises(UnknownNameError, match="random"):
        compare(["ramdom"], objectives, budget=3, run_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()
    with pytest.raises(InvalidInputError, match="one twice"):
        compare(["random"], [objectives[0], objectives[0]], budget=3)


KILLED = {"strategies": {"luck": "random", "re": "regularized-evolution"}, "budget": 60, "seeds": 30}

SCRIPT = f"""
import sys
import surrogate_nas as sn

if __name__ == "__main__":
    table = sn.load_table("nas-bench-graph")
    tasks = {{t: sn.TableObjective(table, task=t) for t in table.tasks[:3]}}
    sn.compare(objectives=tasks, n_jobs=2, run_dir=sys.argv[1], **{KILLED})
"""


def test_killed_at_any_moment_it_ends_as_the_unbroken_one(objectives, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    killed = 0
    for parts in (2, 6):
        process = subprocess.Popen([sys.executable, tmp_path / "script.py", broken], start_new_session=True)
        while len(list(broken.rglob("[0-9]*.parquet"))) < parts and process.poll() is None:
            time.sleep(0.002)
        killed += process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert killed
    assert not (broken / FILE_NAME).exists()
    for folder in (whole, broken):
        compare(objectives=objectives, run_dir=folder, **KILLED)
    assert (broken / FILE_NAME).read_bytes() == (whole / FILE_NAME).read_bytes()
