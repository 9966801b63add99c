"""Data, space and trainings of the user's own, from verb to verb, and what a mistake is answered with."""

import json

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.cli.app import WRONG_INPUT, execute
from surrogate_nas.experiments.run_log import read_log

DATA = """
format = "csv"
file = "{name}.csv"
target = "class"
[recipe]
epochs = 1
"""

SPACE = """
family = "choices"
[skeleton]
input_kind = "tabular"
[[choices]]
name = "width"
options = [4, 8, 16, 32]
operations = { name = "linear", kind = "linear", has_weights = true, cost = 1.0 }
sets = "width"
[[choices]]
name = "dropout"
options = [0.0, 0.1, 0.2]
operations = { name = "dropout", kind = "dropout" }
sets = "rate"
before = " "
"""

TRAIN = ("train", "--space", "mine.toml", "--jobs", 1, "--run-dir", "r", "--sample", 10)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in "sand", "soil":
        y = np.arange(90) % 3
        frame = pd.DataFrame(rng.normal(size=(90, 4)) + y[:, None], columns=list("abcd"))
        frame.assign(**{"class": y}).to_csv(f"{name}.csv", index=False)
        (tmp_path / f"{name}.toml").write_text(DATA.format(name=name))
    (tmp_path / "mine.toml").write_text(SPACE)

    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_from_nothing_to_a_confirmed_network(run, tmp_path):
    code, out, err = run(*TRAIN, "--task", "sand.toml", "--task", "soil.toml")
    assert code == 0, err
    assert "10 architectures, 2 task(s) in r/table.parquet" in out
    assert "Best validation accuracy on soil: " in out
    assert "Next: surrogate-nas fit r/table.parquet --task sand --report r/predictor.html --save r/predictor" in out

    code, out, err = run("search", "--space", "mine.toml", "--task", "sand.toml", "--sources", "r/table.parquet",
                         "--strategy", "random", "--budget", 2, "--run-dir", "s")  # fmt: skip
    assert code == 0, err
    assert "Scores: s/scores.csv" in out
    assert "Next:   surrogate-nas fit s/scores.csv --space mine.toml --save s/predictor" in out  # several tasks before
    scores, before = pd.read_csv("s/scores.csv"), pd.read_csv("r/table.csv")
    assert list(scores) == ["architecture", "accuracy"]
    assert len(scores) == 2
    assert not set(scores["architecture"]) & set(before["architecture"])  # none is trained again

    code, out, err = run("fit", "r/table.parquet", "s/scores.csv", "--task", "sand", "--save", "p", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["measured"], found["repeats"]) == (12, 0)

    code, out, err = run("confirm", "--predictor", "p", "--task", "sand.toml", "--top", 2, "--seeds", 1, "--jobs", 1,
                         "--run-dir", "c")  # fmt: skip
    assert code == 0, err
    assert "Accuracy on sand, mean" in out
    assert {"confirmed.csv", "best"} <= {path.name for path in (tmp_path / "c").iterdir()}

    code, out, err = run("proxies", "--space", "mine.toml", "--task", "sand.toml", "--sample", 1, "--proxies", "params",
                         "--jobs", 1, "--run-dir", "x")  # fmt: skip
    assert code == 0, err


def test_the_main_job_takes_the_same_files(run, tmp_path):
    small = ("--support", 3, "--further", 2, "--rounds", 1, "--finalists", 1, "--seeds", 1, "--jobs", 1)
    code, out, err = run("run", "--task", "sand.toml", "--space", "mine.toml", *small)
    assert code == 0, err
    assert "Accuracy on sand, " in out
    page = (tmp_path / "runs" / "sand-mine-0" / "report.html").read_text(encoding="utf-8")
    assert "where a TOML file describes the data" in page


def test_data_that_changed_are_not_mixed_with_what_they_were(run):
    assert run(*TRAIN, "--task", "sand.toml", "--sample", 1)[0] == 0
    frame = pd.read_csv("sand.csv")
    frame["a"] += 1
    frame.to_csv("sand.csv", index=False)
    code, _, err = run(*TRAIN, "--task", "sand.toml", "--sample", 1)
    assert code == WRONG_INPUT
    assert "holds another run: digest_of_data was" in err
    assert read_log("r/trainings.jsonl")[0]["dataset"] == "sand"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*TRAIN, "--task", "sad.toml"), "sad.toml: expected a TOML file that describes a data set (No such file"),
        ((*TRAIN, "--task", "mine.toml"), "mine.toml: unknown format ''"),
        (("train", "--task", "sand.toml", "--run-dir", "r"), "expected graph data for networks of 'nas-bench-graph'"),
        ((*TRAIN, "--task", "sand.toml", "--task", "sand.toml"), "tasks: expected different ones, got sand, sand"),
        (("fit", "sand.csv", "--save", "p"), "--space: expected the space of the architectures in sand.csv, got none"),
        (("fit", "sand.csv", "--space", "mine.toml", "--task", "a", "--save", "p"), "--task: expected none with"),
        (("fit", "gone.parquet", "--save", "p"), "gone.parquet"),
        (("search", "--task", "sand.toml"), "expected graph data for networks of 'nas-bench-graph'"),
        (("run", "--task", "sand.toml", "--space", "nas-bench-graph"), "expected graph data"),
    ],
)  # fmt: skip
def test_mistakes(run, arguments, message):
    code, _, err = run(*arguments)
    assert code == WRONG_INPUT
    assert err.count("\n") == 1
    assert message in err


def test_a_table_is_fitted_by_what_it_says_itself(run):
    assert run(*TRAIN, "--task", "sand.toml", "--task", "soil.toml", "--sample", 2)[0] == 0
    for options, message in (
        ((), "--task: expected one of sand, soil, got none; r/table.parquet has several"),
        (("--task", "san"), "'san'"),
        (("--task", "sand", "--space", "mlp"), "r/table.parquet: expected architectures of space 'mlp', got some of"),
        (("--task", "sand", "--direction", "min"), "--direction: expected max, as the table has it, got min"),
        (("--task", "sand", "--extra-columns", "a"), "--extra-columns: expected none with a table of trainings"),
    ):
        code, _, err = run("fit", "r/table.parquet", "--save", "p", *options)
        assert code == WRONG_INPUT
        assert message in err
