"""The command line as a user meets it: what it prints, what it returns, what a mistake looks like."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.cli.app import INTERRUPTED, WRONG_INPUT, app, execute

QUICK = [
    "--support",
    "3",
    "--further",
    "2",
    "--rounds",
    "1",
    "--finalists",
    "1",
    "--seeds",
    "2",
    "--epochs",
    "1",
    "--jobs",
    "1",
]
VERBS = [command.name for command in app.registered_commands]


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def one_line(err):
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err.strip()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_a_working_form_of_itself(run, verb):
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"Example:  surrogate-nas {verb}" in out


def test_the_main_job_tells_its_story_and_leaves_everything(run, small_table_file, tmp_path):
    code, out, err = run("run", "--task", "wine", "--table", small_table_file, "--run-dir", tmp_path / "r", *QUICK)
    assert code == 0, err
    for words in ("surrogate_nas", "random search", "GCN", "One run is one draw", "report.html", "Next:"):
        assert words in out
    assert "Learned from" in err
    assert (tmp_path / "r" / "report.html").stat().st_size > 10_000

    code, out, _ = run(
        "run", "--task", "wine", "--table", small_table_file, "--run-dir", tmp_path / "r", *QUICK, "--json"
    )
    assert code == 0
    assert {"run_dir", "report", "comparison", "seconds"} == set(json.loads(out))

    code, out, _ = run("rank", "--predictor", tmp_path / "r" / "predictor", "--top", 3)
    assert code == 0
    assert len(out.splitlines()) == 4

    code, out, _ = run("report", tmp_path / "r", "--json")
    assert code == 0
    assert json.loads(out)["report"].endswith("report.html")


def test_the_steps_one_by_one(run, small_table_file, tmp_path):
    code, out, err = run(
        "train", "--task", "wine", "--sample", 3, "--epochs", 1, "--jobs", 1, "--run-dir", tmp_path / "t", "--json"
    )
    assert code == 0, err
    measured = json.loads(out)["table"]
    arguments = (
        "rank",
        "--table",
        small_table_file,
        "--measured",
        measured,
        "--top",
        2,
        "--save",
        tmp_path / "p",
        "--json",
    )
    code, out, err = run(*arguments)
    assert code == 0, err
    assert len(json.loads(out)["ranking"]) == 2
    arguments = ("confirm", "--predictor", tmp_path / "p", "--task", "wine", "--top", 1, "--seeds", 2, "--epochs", 1)
    code, out, err = run(*arguments, "--jobs", 1, "--run-dir", tmp_path / "c", "--json")
    assert code == 0, err
    (row,) = json.loads(out)["confirmed"]
    assert {"architecture", "predicted", "val", "test", "failed"} <= set(row)
    assert (tmp_path / "c" / "confirmed.csv").exists()
    assert {p.name for p in (tmp_path / "c" / "best").iterdir()} >= {"per_class.csv", "confusion.csv"}


def test_measurements_that_nothing_can_be_learned_from(run, small_table, small_table_file, tmp_path):
    constant = {c: np.full(len(small_table), 0.5) for c in small_table.columns[:1]}
    sn.Table(small_table.space, small_table.X, constant, key="canonical").to_parquet(tmp_path / "constant.parquet")
    code, out, err = run("rank", "--table", small_table_file, "--measured", tmp_path / "constant.parquet")
    assert code == WRONG_INPUT
    assert not out
    assert "expected scores that differ" in one_line(err)


def test_tables_are_listed_and_described(run):
    code, out, _ = run("tables")
    assert code == 0
    assert "26,206" in out
    code, out, _ = run("tables", "info", "nas-bench-graph", "--json")
    assert code == 0
    table = json.loads(out)
    assert table["architectures"] == 26_206
    assert {"task", "metric", "split", "unit", "direction", "measured", "best"} <= set(table["columns"][0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--task", "digitz"], "did you mean 'digits'"),
        (["run", "--table", "nope"], "unknown table 'nope'"),
        (["run", "--strategy", "luck"], "expected one of ranking, evolution"),
        (["run", "--support", "-3"], "support: expected at least 0, got -3"),
        (["run", "--support", "999999"], "expected at most the 26,206 architectures"),
        (["run", "--device", "cuda:99"], "device"),
        (["run", "--bogus"], "No such option"),
        (["run", "--support", "many"], "many"),
        (["nonsense"], "nonsense"),
        (["tables", "info", "no-such.parquet"], "no-such.parquet"),
        (["tables", "no-such.parquet"], "no-such.parquet"),
        (["tables", "download", "nas-bench-301"], "open https://figshare.com"),
        (["tables", "download", "nas-bench-macro", "--offline"], "--offline"),
        (["tables", "download", "nothing"], "unknown benchmark"),
        (["tables", "import", "nas-bench-macro", "missing.json"], "missing.json"),
        (["tables", "export", "nas-bench-graph", "x.xls"], ".parquet or .csv"),
        (["rank", "--predictor", "nowhere"], "nowhere"),
        (["rank", "--top", "0"], "--top: expected at least 1, got 0"),
        (["rank", "[0,0,0,0] gcn|gcn|gcn|gnc"], "gnc"),
        (["rank", "[0,0,0,0] gcn|gcn"], "expected 4"),
        (["rank", "[0,0,0,0] gcn|gcn|gcn|gcn trailing"], "trailing"),
        (["train", "--task", "winee", "--run-dir", "x"], "did you mean 'wine'"),
        (["train", "--space", "nas-bench", "--run-dir", "x"], "unknown space 'nas-bench'"),
        (["train", "--seeds", "0", "--run-dir", "x"], "at least 1"),
        (["train", "--together", "0", "--run-dir", "x"], "--together: expected at least 1"),
        (["train"], "--run-dir"),
        (["train", "--space", "nas-bench-201", "--task", "wine", "--run-dir", "x"], "unknown dataset 'wine'"),
        (["run", "--seed", "-1"], "seed: expected a whole number of at least 0"),
        (["confirm", "--predictor", "nowhere", "--run-dir", "x"], "nowhere"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(run, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == WRONG_INPUT
    assert said in one_line(err)
    assert not out
    assert not list(tmp_path.iterdir()), "something was written"


def test_a_run_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("run", "--task", "wine", "--run-dir", tmp_path / "file" / "run", *QUICK)
    assert code == WRONG_INPUT
    assert "choose a folder that can be written" in one_line(err)


def listen_to_ctrl_c():
    # A shell that starts something in the background makes it deaf to Ctrl-C, and its children with it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_what_was_finished_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "surrogate_nas.cli", "train", "--task", "wine", "--sample", "50", "--jobs", "2"]
    arguments = [*command, "--run-dir", str(tmp_path / "t")]
    process = subprocess.Popen(
        arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        preexec_fn=listen_to_ctrl_c,
    )  # fmt: skip
    log = tmp_path / "t" / "trainings.jsonl"
    while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < 3):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    err = process.communicate(timeout=60)[1]
    assert process.returncode == INTERRUPTED, err
    assert "Traceback" not in err
    assert "to continue: surrogate-nas train --task wine" in err.splitlines()[-1]
    assert log.read_bytes().count(b"\n") >= 3
