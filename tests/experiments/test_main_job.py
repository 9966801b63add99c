"""The main job as a programme over a log: what it writes, and that a kill loses and repeats nothing."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.experiments import (
    Budget,
    LoggedTrainings,
    RunLog,
    Settings,
    collect,
    mean_over_seeds,
    run_main_job,
    table_of_logs,
)
from surrogate_nas.experiments.trainings import LOG_KEY, recipe

SMALL = Budget(support=4, further=2, rounds=1, finalists=2, seeds=2)


@pytest.fixture(scope="module")
def settings(small_table_file):
    return Settings("wine", str(small_table_file), SMALL, epochs=2, jobs=1)


@pytest.fixture(scope="module")
def done(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "wine"
    return run_main_job(settings, run_dir=folder), folder


def test_it_writes_everything_that_is_needed_to_repeat_and_to_use_it(done):
    result, folder = done
    written = {
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")
    }
    assert {
        "run.json", "trainings.jsonl", "history.csv", "ranking.csv", "comparison.csv", "predictor/config.json",
        "best/architecture.txt", "best/architecture.svg", "best/weights.safetensors", "best/per_class.csv",
        "best/confusion.csv",
    } <= written  # fmt: skip
    run = json.loads((folder / "run.json").read_text())
    assert run["config"]["budget"]["support"] == SMALL.support
    assert {"python", "torch", "numpy", "surrogate-nas"} <= set(run["versions"])
    assert (folder / "best" / "architecture.txt").read_text().strip() == sn.get_space("nas-bench-graph").format(
        result.best
    )[0]


def test_hand_made_networks_get_the_confirmation_seeds(done):
    result, _ = done
    hand_made = result.comparison[result.comparison["arm"] == "hand-made"]
    assert len(hand_made) >= 7
    assert hand_made["chosen"].all()
    assert (result.comparison.groupby("arm")["chosen"].sum()[["surrogate_nas", "random search"]] == 1).all()
    assert set(result.answers["trainings"]) == {SMALL.trainings, SMALL.seeds}


def test_the_verdict_is_the_difference_of_the_two_answers(done):
    result, _ = done
    gap = 100 * (result.outcome.guided.test - result.outcome.random.test)
    same = np.array_equal(result.best[0], result.outcome.random.finalists[result.outcome.random.winner])
    assert ("chose the same" if same else f"{gap:+.2f} points") in result.verdict()


def test_the_saved_predictor_ranks_as_the_run_did(done):
    result, folder = done
    ranking = sn.load_predictor(folder / "predictor").rank(top=5)
    assert ranking.texts == result.ranking["architecture"].head(5).tolist()


def test_the_weights_fit_the_network_and_give_the_recorded_accuracy(done):
    import torch
    from safetensors.torch import load_file

    from surrogate_nas.training import load_dataset

    result, folder = done
    data, space = load_dataset("wine"), sn.get_space("nas-bench-graph")
    net = sn.build_network(space, result.best[0], data.x.shape[1], data.num_classes, channels=32)
    net.load_state_dict(load_file(folder / "best" / "weights.safetensors"))
    net.eval()
    with torch.no_grad():
        predicted = net(torch.from_numpy(data.x), torch.from_numpy(data.edge_index)).argmax(1).numpy()
    split = data.splits[0]
    assert (predicted[split.train] == data.y[split.train]).mean() > 1 / data.num_classes


def test_a_finished_run_repeats_nothing(done, settings, monkeypatch):
    result, folder = done
    before = (folder / "trainings.jsonl").read_bytes()
    again = run_main_job(settings, run_dir=folder)
    assert (folder / "trainings.jsonl").read_bytes() == before
    pd.testing.assert_frame_equal(again.comparison, result.comparison)


def test_other_settings_do_not_continue_a_run(done, settings):
    _, folder = done
    other = Settings(settings.task, settings.table, SMALL, seed=1, epochs=2, jobs=1)
    with pytest.raises(InvalidInputError, match="seed was 0, now 1"):
        run_main_job(other, run_dir=folder)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_killed_run_ends_as_the_unbroken_one(done, settings, small_table_file, tmp_path, seed):
    result, unbroken = done
    code = (
        "from surrogate_nas.experiments import *\n"
        f"settings = Settings('wine', {str(small_table_file)!r}, Budget(4, 2, 1, 2, 2), epochs=2, jobs=1)\n"
        f"run_main_job(settings, run_dir={str(tmp_path)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"})
    log = tmp_path / "trainings.jsonl"
    wanted = np.random.default_rng(seed).integers(2, 12)  # lines in the log when the kill comes
    while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < wanted):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = log.read_bytes().rpartition(b"\n")[0]
    again = run_main_job(settings, run_dir=tmp_path)
    assert log.read_bytes().startswith(kept), "a finished training was lost"
    keys = [tuple(json.loads(line)[k] for k in LOG_KEY) for line in log.read_text().splitlines()[1:]]
    assert len(keys) == len(set(keys)), "a training was done twice"
    columns = ["arm", "architecture", "chosen", "predicted", "val", "test"]
    pd.testing.assert_frame_equal(again.comparison[columns], result.comparison[columns])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"task": "digitz"}, UnknownNameError, "did you mean 'digits'"),
        ({"table": "nowhere"}, UnknownNameError, "unknown table 'nowhere'"),
        ({"strategy": "magic"}, UnknownNameError, "expected one of ranking, evolution"),
        ({"device": "tpu"}, InvalidInputError, "device"),
        ({"jobs": 0}, InvalidInputError, "jobs: expected"),
        ({"epochs": 0}, InvalidInputError, "epochs: expected"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(settings, tmp_path, changed, error, message):
    import dataclasses

    with pytest.raises(error, match=message):
        run_main_job(dataclasses.replace(settings, **changed), run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_collect_joins_tasks_and_means_over_seeds(tmp_path):
    space = sn.get_space("nas-bench-graph")
    rows = space.sample(3, np.random.default_rng(0), unique=True)
    for task in ("wine", "digits"):
        trainer = sn.Trainer(space=space, dataset=task, epochs=1, device="cpu")
        collect(trainer, rows, [0, 1], run_dir=tmp_path / task)
    table = table_of_logs([tmp_path / "wine", tmp_path / "digits"], space)
    assert table.tasks == ("wine", "digits")
    X, y = mean_over_seeds(table, task="wine")
    per_seed = [table.query(X, task="wine", metric="accuracy", split="val", seed=s) for s in (0, 1)]
    np.testing.assert_allclose(y, np.mean(per_seed, axis=0))
    with pytest.raises(InvalidInputError, match="holds already"):
        table_of_logs([tmp_path / "wine", tmp_path / "wine"], space)
    with pytest.raises(InvalidInputError, match="expected trainings in 'nas-bench-201'"):
        table_of_logs([tmp_path / "wine"], sn.get_space("nas-bench-201"))


def test_a_failed_training_is_kept_as_such(tmp_path):
    space = sn.get_space("nas-bench-graph")
    trainer = sn.Trainer(space=space, dataset="wine", epochs=2, recipe={"learning_rate": 1e30}, device="cpu")
    rows = space.sample(2, np.random.default_rng(0), unique=True)
    with RunLog(tmp_path / "log.jsonl", recipe(trainer), key=LOG_KEY) as log:
        scores = LoggedTrainings(trainer, log=log).train(rows, [0])
    assert np.isnan(scores.val).all()
    table = collect(trainer, rows, [0])
    assert len(table) == 2
    assert not table.measured(rows, task="wine", metric="accuracy").any()
