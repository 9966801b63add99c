"""Trainings on workers: kept as they end, done once, whoever is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.execution import RayCluster
from surrogate_nas.experiments import collect
from surrogate_nas.experiments.run_log import read_log
from surrogate_nas.experiments.trainings import LOG_NAME, LoggedTrainings

EXECUTORS = ["processes", pytest.param("ray", marks=pytest.mark.slow)]
SPACE = sn.get_space("nas-bench-graph")


class DiesOnce:
    """A trainer whose worker is killed in the middle of the first training."""

    def __init__(self, trainer: sn.Trainer, marker: Path) -> None:
        self.trainer, self.marker = trainer, marker

    def __getattr__(self, name):
        if name in ("trainer", "marker"):  # asked for while it is unpickled
            raise AttributeError(name)
        return getattr(self.trainer, name)

    def train_job(self, job, **options):
        try:
            self.marker.touch(exist_ok=False)
        except FileExistsError:
            return self.trainer.train_job(job, **options)
        self.trainer.train_job(job, **options)
        return os.kill(os.getpid(), signal.SIGKILL)


def test_workers_are_kept_from_one_call_to_the_next(tmp_path):
    rows = SPACE.sample(4, np.random.default_rng(0), unique=True)
    trainer = sn.Trainer(space=SPACE, dataset="wine", epochs=1, device="cpu")
    with LoggedTrainings(trainer, jobs=2) as trainings:
        first = trainings.train(rows[:2], [0])
        workers = [worker.process.pid for worker in trainings._pool._workers]
        second = trainings.train(rows, [0])
        assert [worker.process.pid for worker in trainings._pool._workers] == workers
    assert trainings._pool is None
    np.testing.assert_array_equal(first.val, second.val[:2])
    here = LoggedTrainings(trainer).train(rows, [0])
    np.testing.assert_array_equal(here.val, second.val)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_killed_in_a_training_is_replaced_and_recorded_once(executor, tmp_path):
    rows = SPACE.sample(3, np.random.default_rng(0), unique=True)
    trainer = sn.Trainer(space=SPACE, dataset="wine", epochs=1, device="cpu")
    dying = DiesOnce(trainer, tmp_path / "died")
    table = collect(dying, rows, [0], run_dir=tmp_path, executor=executor, jobs=2)
    assert dying.marker.exists()
    _, records = read_log(tmp_path / LOG_NAME)
    assert sorted(r["architecture"] for r in records) == sorted(SPACE.format(rows))
    assert {r["status"] for r in records} == {"ok"}
    whole = collect(trainer, rows, [0])
    for split in ("val", "test"):
        asked = {"task": "wine", "metric": "loss", "split": split, "seed": 0}
        np.testing.assert_array_equal(table.query(rows, **asked), whole.query(rows, **asked))


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "ray"])
def test_a_killed_sweep_goes_on_and_ends_as_the_unbroken_one(executor, tmp_path):
    options = f"train --task wine --sample 8 --epochs 20 --device cpu --jobs 2 --json --executor {executor}".split()
    command = [sys.executable, "-c", "from surrogate_nas.cli import main; main()", *options]
    rng = np.random.default_rng(0)

    def begin(name):
        return subprocess.Popen([*command, "--run-dir", str(tmp_path / name)], stdout=subprocess.PIPE)

    def records(name):
        path = tmp_path / name / LOG_NAME
        return read_log(path)[1] if path.exists() else []

    finished = []
    for more in (0, 1, 2):
        process = begin("broken")
        while process.poll() is None and len(records("broken")) < len(finished) + more:
            time.sleep(0.02)
        time.sleep(float(rng.uniform(0, 1)))
        process.kill()
        process.communicate()
        assert records("broken")[: len(finished)] == finished  # nothing is lost or done again
        finished = records("broken")
    for name in ("broken", "whole"):
        process = begin(name)
        process.communicate()
        assert process.returncode == 0
    assert records("broken")[: len(finished)] == finished
    assert len({r["architecture"] for r in records("broken")}) == len(records("broken")) == 8

    def comparable(record):
        return {name: value for name, value in record.items() if name not in ("seconds", "peak_memory")}

    by_name = [{r["architecture"]: comparable(r) for r in records(name)} for name in ("broken", "whole")]
    assert by_name[0] == by_name[1]


def test_networks_that_are_trained_together_are_kept_one_by_one(tmp_path):
    """A log holds the same trainings, whoever was trained with whom, and goes on with the others."""
    space = sn.get_space("nas-bench-201")
    rows = space.sample(5, np.random.default_rng(0), unique=True)
    recipe = {"epochs": 1, "cells": 1, "width": 0.25, "learning_rate": 0.01}
    trainer = sn.Trainer(space=space, dataset="digits", recipe=recipe, device="cpu")
    alone = collect(trainer, rows[:2], [0], run_dir=tmp_path)
    together = collect(trainer, rows, [0], run_dir=tmp_path, together=2)
    _, records = read_log(tmp_path / LOG_NAME)
    assert [record["architecture"] for record in records] == space.format(rows)
    for table, chosen in ((alone, rows[:2]), (collect(trainer, rows, [0], jobs=2, together=3), rows)):
        a, b = (of.query(chosen, task="digits", metric="loss", split="val", seed=0) for of in (table, together))
        np.testing.assert_allclose(a, b, rtol=2e-3)


class DiesInGroups(DiesOnce):
    """A trainer whose worker is killed whenever it trains several at once."""

    def train_many(self, jobs, together):
        return os.kill(os.getpid(), signal.SIGKILL)

    def train_job(self, job, **options):
        return self.trainer.train_job(job, **options)


def test_a_group_that_kills_its_worker_is_trained_one_by_one(tmp_path):
    space = sn.get_space("nas-bench-201")
    rows = space.sample(2, np.random.default_rng(0), unique=True)
    recipe = {"epochs": 1, "cells": 1, "width": 0.25}
    trainer = DiesInGroups(sn.Trainer(space=space, dataset="digits", recipe=recipe, device="cpu"), tmp_path)
    results = LoggedTrainings(trainer, executor="processes", together=2).results(rows, [0])
    assert [result.ok for result in results] == [True, True]


def test_a_cluster_that_does_not_answer_costs_nothing_that_is_there(tmp_path):
    rows = SPACE.sample(1, np.random.default_rng(0), unique=True)
    trainer = sn.Trainer(space=SPACE, dataset="wine", epochs=1, device="cpu")
    done = collect(trainer, rows, [0], run_dir=tmp_path)
    nobody = RayCluster("127.0.0.1:1")
    assert len(collect(trainer, rows, [0], run_dir=tmp_path, executor=nobody)) == len(done)  # nothing is left to train
    with pytest.raises(
        InvalidInputError, match=r"127\.0\.0\.1:1: expected a cluster that answers within 5 s, got Conn"
    ):
        collect(trainer, rows, [1], run_dir=tmp_path, executor=nobody)
