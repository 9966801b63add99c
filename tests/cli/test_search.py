"""``search``: on a table, on a file of one's own, by real training; and what a wrong flag or file looks like."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.cli.app import INTERRUPTED, WRONG_INPUT, execute
from surrogate_nas.cli.config import assignments, settings
from surrogate_nas.cli.search import EXAMPLE, KEYS
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.experiments.run_log import read_log

TABLE = sn.load_table("nas-bench-graph")
CORA = ("search", "--task", "cora", "--budget", 30, "--strategy", "regularized-evolution")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def expected(strategy=sn.strategies.RegularizedEvolution, budget=30, **options):
    return sn.search(
        sn.TableObjective(TABLE, task="cora"), strategy(TABLE.space, random_state=0, **options), budget=budget
    )


def test_the_best_architectures_are_shown(run, tmp_path):
    code, out, err = run(*CORA, "--top", 3, "--run-dir", "r")
    result = expected()
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "30 evaluations by regularized-evolution:"
    best = TABLE.space.format(result.best[None])[0]
    assert lines[2].split(maxsplit=2) == [f"{result.best_score:.6g}", str(result.incumbents[-1] + 1), best]
    assert f"Regret: {result.regret()[-1]:.4g} (val" in out
    assert f"Regret: {result.regret('test')[-1]:.4g} (test: chosen without it" in out
    assert "Log:    r/search.jsonl" in lines[-2]
    assert lines[-1] == "Scores: r/scores.csv"
    assert f"search: 30 of 30, best {result.best_score:.6g}" in err
    assert len(read_log(tmp_path / "r" / "search.jsonl")[1]) == 30


def test_json_is_all_there_is_on_standard_output(run):
    code, out, err = run(*CORA, "--json", "--strategy", "random")
    result, found = expected(sn.strategies.RandomSearch), json.loads(out)
    assert (code, err) == (0, "")
    assert found["evaluations"] == 30
    assert found["best"][0]["accuracy"] == pytest.approx(result.best_score)
    assert found["regret"]["test"] == pytest.approx(result.regret("test")[-1])
    assert found["seconds"] is None, "this table does not say"


def test_a_file_has_the_same_keys_and_flags_override_it(run, tmp_path):
    (tmp_path / "search.toml").write_text(
        'task = "cora"\nstrategy = "regularized-evolution"\nbudget = 500\nrun_dir = "r"\n'
        "[set]\npopulation_size = 5\nsample_size = 3\n"
    )
    code, out, _ = run("search", "--config", "search.toml", "--budget", 30, "--json")
    assert code == 0
    assert json.loads(out)["best"][0]["accuracy"] == pytest.approx(
        expected(population_size=5, sample_size=3).best_score
    )
    assert json.loads(out)["run_dir"] == "r"
    flags = run(*CORA, "--set", "population_size=5", "--set", "sample_size=3", "--json", "--run-dir", "r")[1]
    assert flags == out


def test_every_key_is_a_flag(run):
    page = run("search", "--help")[1]
    assert not [key for key in KEYS if f"--{key}" not in page]
    assert EXAMPLE in " ".join(page.split())


def test_a_strategy_that_chooses_epochs_is_told_which_there_are(run, tmp_path):
    X = TABLE.space.sample(400, np.random.default_rng(0), unique=True)
    long = np.random.default_rng(1).uniform(0, 1, len(X))
    columns = {sn.Column("t", "accuracy", "val", e): long * (1 - 1 / e) for e in (3, 9, 27)}
    sn.Table(TABLE.space, X, columns, name="lengths").to_parquet(tmp_path / "lengths.parquet")
    options = ("--table", "lengths.parquet", "--epochs", 27, "--cost", 1.0, "--strategy", "successive-halving")
    code, out, err = run("search", *options, "--budget-s", 500, "--json")
    assert code == 0, err
    assert json.loads(out)["best"][0]["epochs"] == 27
    assert json.loads(out)["seconds"] >= 500


def test_limits_are_kept(run):
    most = np.median(TABLE.values(task="cora", metric="params"))
    code, out, _ = run(*CORA, "--json", "--limit", f"params={most}", "--top", 30)
    X = TABLE.space.parse([row["architecture"] for row in json.loads(out)["best"]])
    assert code == 0
    assert len(X) == 30
    assert (TABLE.query(X, task="cora", metric="params") <= most).all()


def test_several_metrics_show_the_front(run):
    code, out, _ = run(*CORA, "--metric", "accuracy,params", "--strategy", "random", "--json", "--top", 30)
    front = json.loads(out)["best"]
    assert code == 0
    assert [row["accuracy"] for row in front] == sorted((row["accuracy"] for row in front), reverse=True)
    assert [row["params"] for row in front] == sorted((row["params"] for row in front), reverse=True)
    assert json.loads(out)["regret"] == {}
    code, out, _ = run("search", "--task", "cora", "--budget", 5, "--metric", "accuracy,params")
    assert out.startswith("5 evaluations by nsga2"), "there is a default for several metrics"


def test_workers_and_seconds_of_recorded_trainings(run):
    options = ("--table", "graph-tasks", "--task", "wine", "--training-seed", 0, "--epochs", 40, "--cost", "seconds")
    code, out, err = run("search", *options, "--strategy", "random", "--workers", 3, "--budget-seconds", 20)
    assert code == 0
    assert err.splitlines()[0].startswith("  search (s): 20 of 20, best 0.9")
    assert len(err.splitlines()) == 1
    spent = float(out.splitlines()[0].split(", ")[1].split(" s")[0])
    assert 20 / 3 <= spent < 20


def test_a_file_of_one_s_own_is_a_table(run, tmp_path):
    X, y = TABLE.data(task="cora", split="val")
    few = np.random.default_rng(0).choice(len(X), 50, replace=False)
    rows = "".join(f'"{a}",{100 - 100 * s}\n' for a, s in zip(TABLE.space.format(X[few]), y[few], strict=True))
    (tmp_path / "mine.csv").write_text("arch,error\n" + rows)
    code, out, _ = run(
        "search", "--table", "mine.csv", "--space", TABLE.space.name, "--direction", "min", "--budget", 80, "--json"
    )
    assert code == 0
    assert json.loads(out)["evaluations"] == 50, "only what was measured can be looked up"
    assert json.loads(out)["best"][0]["error"] == pytest.approx(100 - 100 * y[few].max())
    assert json.loads(out)["regret"]["val"] == 0


def test_real_trainings_are_searched(run, tmp_path):
    options = ("--dataset", "wine", "--epochs", 3, "--budget", 3, "--strategy", "random", "--run-dir", "r")
    first = run("search", *options)
    again = run("search", *options)
    assert first[0] == again[0] == 0
    assert first[1] == again[1]
    assert len(read_log(tmp_path / "r" / "search.jsonl")[1]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--task: expected one of cora, .*, got none; the table has several"),
        (("--task", "coral"), "unknown task 'coral': expected one of .*did you mean 'cora'"),
        (("--task", "cora", "--strategy", "evolution"), "unknown strategy 'evolution': expected one of .*random"),
        (("--task", "cora", "--metric", "acuracy"), "unknown metric 'acuracy'.*did you mean 'accuracy'"),
        (
            ("--task", "cora", "--strategy", "regularized-evolution", "--set", "size=3"),
            "unknown option 'size'; it has population_size",
        ),
        (("--task", "cora", "--set", "size"), "--set: expected key=value, got 'size'"),
        (("--task", "cora", "--limit", "params=small"), "--limit: expected metric=number, got params='small'"),
        (("--task", "cora", "--limit", "size=3"), "unknown metric 'size'"),
        (("--task", "cora", "--limit", "params=-1"), "an architecture that the conditions allow, got none; loosen"),
        (("--task", "cora", "--budget", 0), "budget: expected at least 1, got 0"),
        (("--task", "cora", "--budget", "x"), "--budget.*got 'x'"),
        (("--task", "cora", "--budget-s", 5), "budget_s: expected an objective that says what an evaluation costs"),
        (("--task", "cora", "--workers", 2), "workers: expected an objective that says what an evaluation costs"),
        (("--task", "cora", "--patience", 0), "patience: expected at least 1, got 0"),
        (("--task", "cora", "--seed", -1), "seed: expected a whole number of at least 0"),
        (("--task", "cora", "--top", 0), "--top: expected at least 1, got 0"),
        (("--task", "cora", "--split", "test"), "split: expected the split that is searched on"),
        (("--task", "cora", "--cost", "hours"), "unknown cost 'hours'"),
        (("--task", "cora", "--sources", "nowhere"), "unknown table 'nowhere'"),
        (("--task", "cora", "--metric", "accuracy,params", "--strategy", "local-search"), "several objectives"),
        (("--table", "mine.csv"), "--space: expected the space of the architectures in mine.csv, got none"),
        (("--table", "no.csv", "--space", "nas-bench-graph"), "no.csv: expected a readable file"),
        (("--dataset", "wine", "--task", "cora"), "--task and --dataset: expected one of them, got both"),
        (("--dataset", "vine"), "unknown .*'vine'.*did you mean 'wine'"),
        (("--dataset", "wine", "--training-seed", "mean"), "--training-seed: expected a whole number"),
        (("--config", "no.toml"), "--config no.toml: expected a readable file"),
        (("--config", "bad.toml"), "--config bad.toml: expected TOML"),
        (("--config", "key.toml"), "--config key.toml: unknown key 'budjet': expected one of .*did you mean 'budget'"),
        (("--config", "kind.toml"), "--config kind.toml: budget: expected a whole number, got '30'"),
        (("--config", "bool.toml"), "--config bool.toml: budget: expected a whole number, got True"),
        (("--config", "twice.toml"), "expected 'run-dir' once, got it as 'run-dir' too"),
        (("--config", "bytes.toml"), "--config bytes.toml: expected text in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(run, tmp_path, arguments, message):
    for name, text in {
        "bad": "budget = ", "key": "budjet = 30", "kind": 'budget = "30"', "bool": "budget = true",
        "twice": 'run_dir = "a"\nrun-dir = "b"',
    }.items():  # fmt: skip
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    before = sorted(tmp_path.iterdir())
    code, out, err = run("search", *arguments, "--run-dir", "r")
    assert code == WRONG_INPUT, err
    assert out == ""
    assert err.count("\n") == 1, err
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(err)
    assert sorted(tmp_path.iterdir()) == before or "conditions allow" in err


def test_another_search_in_the_same_folder_is_one_line(run):
    run(*CORA, "--run-dir", "r")
    code, _, err = run(*CORA, "--run-dir", "r", "--seed", 1)
    assert code == WRONG_INPUT
    assert "holds another run: strategy.random_state was 0, now 1" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_says_how_to_continue_and_the_same_command_does(tmp_path):
    command = [
        sys.executable, "-m", "surrogate_nas.cli", "search", "--task", "cora", "--budget", "300", "--run-dir", "r",
        "--strategy", "regularized-evolution", "--json",
    ]  # fmt: skip
    log = tmp_path / "r" / "search.jsonl"
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ)
    until = time.monotonic() + 60
    while not (log.is_file() and log.read_bytes().count(b"\n") > 2) and time.monotonic() < until:
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == INTERRUPTED
    assert "what was finished is in the run folder; to continue: surrogate-nas search --task cora" in err
    kept = log.read_bytes()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["best"][0]["accuracy"] == pytest.approx(expected(budget=300).best_score)
    assert len(read_log(log)[1]) == 300
    assert log.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])


def test_assignments_are_read_as_toml():
    texts = ["a=1", "b = 2.5", "c=true", 'd="x"', "e=plain text", "f=[1, 2]", "g=a=b", "h=1e-3"]
    assert assignments("--set", texts) == {
        "a": 1, "b": 2.5, "c": True, "d": "x", "e": "plain text", "f": [1, 2], "g": "a=b", "h": 0.001,
    }  # fmt: skip
    for text in ("a", "=1", "a=", ""):
        with pytest.raises(InvalidInputError, match="--set: expected key=value, got"):
            assignments("--set", [text])
    with pytest.raises(InvalidInputError, match="expected 'a' once, got it twice"):
        assignments("--set", ["a=1", "a=2"])


def test_settings_are_flags_over_the_file(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("whole = 3\nreal = 2\nsome_list = [1]\n[inner]\nx = 1\n")
    keys = {"whole": int, "real": float, "some-list": list, "inner": dict, "text": str}
    assert settings(path, keys, {"whole": None, "text": "t", "some-list": []}) == {
        "whole": 3, "real": 2.0, "some-list": [1], "inner": {"x": 1}, "text": "t",
    }  # fmt: skip
    assert settings(path, keys, {"whole": 0, "inner": {"y": 2}})["whole"] == 0
    with pytest.raises(UnknownNameError, match="unknown key 'whole': expected one of real"):
        settings(path, {"real": float}, {})
