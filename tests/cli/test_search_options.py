"""What searches and comparisons would silently ignore is told in one line instead."""

import pytest

from surrogate_nas.cli.app import execute


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("verb", ["search", "compare"])
def test_a_length_that_the_table_does_not_tell_is_refused(run, verb, tmp_path):
    tasks = ("--task", "cora") if verb == "search" else ("--tasks", "cora", "--run-dir", tmp_path / "r")
    code, _, err = run(verb, *tasks, "--budget", 3, "--epochs", 7)
    assert code == 2
    assert "--epochs: expected none, as table 'nas-bench-graph' has one length of training only, got 7" in err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("name", ["random_state", "space", "sources"])
def test_what_every_strategy_is_given_is_no_option(run, name, tmp_path):
    code, _, err = run("search", "--task", "cora", "--strategy", "random", "--budget", 3, "--set", f"{name}=3")
    assert (code, len(err.splitlines())) == (2, 1)
    assert f"unknown option '{name}'" in err
    config = tmp_path / "compare.toml"
    config.write_text(f'[strategy.own]\nname = "random"\n{name} = 3\n')
    code, _, err = run("compare", "--config", config, "--tasks", "cora", "--budget", 3, "--run-dir", tmp_path / "r")
    assert code == 2
    assert f"unknown option '{name}'" in err
