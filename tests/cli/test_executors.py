"""Where work is done is an option of every verb that has much of it, and a wrong one is told in one line."""

import json

import pytest

from surrogate_nas.cli.app import execute

SWEEP = ("train", "--task", "wine", "--sample", "2", "--epochs", "1", "--device", "cpu")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("verb", ["train", "confirm", "run", "search", "compare"])
def test_the_option_is_there(run, verb):
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert "--executor" in out
    assert "--address" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--executor", "rya"], "unknown executor 'rya': expected one of local, processes, ray; did you mean 'ray'?"),
        (["--executor", "local", "--jobs", "2"], "--jobs: expected 1 in this process, got 2"),
        (["--executor", "processes", "--address", "a:1"], "--address: expected none with --executor processes"),
        (["--executor", "ray", "--jobs", "0"], "--jobs: expected a number of processes of at least 1, got 0"),
        (["--address", "127.0.0.1:1"], "expected a cluster that answers within 5 s, got ConnectionRefusedError"),
    ],
)
def test_a_wrong_place_is_told_before_anything_is_written(run, tmp_path, options, message):
    code, out, err = run(*SWEEP, "--run-dir", tmp_path / "r", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "r").exists()


def test_nothing_is_computed_where_results_are_looked_up(run):
    code, _, err = run("search", "--task", "cora", "--budget", "2", "--executor", "processes")
    assert (code, err.count("\n")) == (2, 1)
    assert "executor: expected None where results are looked up" in err


@pytest.mark.parametrize("executor", ["local", "processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_the_same_sweep_everywhere(run, tmp_path, executor):
    code, out, err = run(*SWEEP, "--run-dir", tmp_path / "r", "--executor", executor, "--jobs", "1", "--json")
    assert (code, err) == (0, "")
    code, here, _ = run(*SWEEP, "--run-dir", tmp_path / "here", "--jobs", "1", "--json")
    assert code == 0
    assert {**json.loads(out), "table": None} == {**json.loads(here), "table": None}
