"""``surrogate-nas compare``: from flags or a file to ranks, a report and a folder that continues."""

import json

import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.cli.app import WRONG_INPUT, execute
from surrogate_nas.cli.compare import KEYS

QUICK = ("--tasks", "cora,citeseer", "--budget", "15", "--seeds", "3")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = execute(["compare", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def one_line(code, out, err):
    assert code == WRONG_INPUT
    assert not out
    assert err.count("\n") == 1, err
    return err


def test_flags_to_ranks_and_a_report(run, tmp_path):
    folder = tmp_path / "r"
    code, out, err = run(*QUICK, "--strategies", "random,local-search", "--run-dir", folder)
    assert code == 0, err
    for words in ("random", "local-search", "rank", "2 tasks, 3 seeds", "report.html", "comparison.parquet"):
        assert words in out
    assert "runs: 12 of 12" in err
    assert (folder / "report.html").stat().st_size > 10_000
    comparison = sn.Comparison.load(folder)
    assert len(comparison.frame) == 2 * 2 * 3 * 15

    code, out, err = run(*QUICK, "--strategies", "random,local-search", "--run-dir", folder, "--seeds", 4, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert set(told) == {"run_dir", "report", "summary", "failures"}
    assert {row["strategy"] for row in told["summary"]} == {"random", "local-search"}
    assert sn.Comparison.load(folder).frame["seed"].nunique() == 4


def test_a_file_says_it_all_and_flags_override_it(run, tmp_path):
    config = tmp_path / "compare.toml"
    config.write_text(
        f"""
        table = "nas-bench-graph"
        tasks = ["cora"]
        metric = "latency"
        strategies = ["random"]
        budget = 10
        seeds = 5
        batch_size = 2
        run_dir = {str(tmp_path / "r")!r}

        [strategy.small]
        name = "regularized-evolution"
        population_size = 4

        [strategy.regularized-evolution]
        sample_size = 3
        """
    )
    code, out, err = run("--config", config, "--seeds", 2, "--report", tmp_path / "page.html")
    assert code == 0, err
    frame = sn.Comparison.load(tmp_path / "r").frame
    assert list(frame["strategy"].cat.categories) == ["random", "small", "regularized-evolution"]
    assert frame["metric"].unique().tolist() == ["latency"]
    assert (frame["seed"].nunique(), frame["step"].max()) == (2, 10)
    assert (tmp_path / "page.html").exists()
    assert str(tmp_path / "page.html") in out


def test_tables_of_ones_own_and_failed_runs(run, small_table_file, tmp_path):
    config = tmp_path / "compare.toml"
    config.write_text('[strategy.random]\n[strategy.odd]\nname = "exhaustive"\npredictor = 3\n')
    code, out, err = run("--config", config, "--table", small_table_file, *QUICK, "--run-dir", tmp_path / "r")
    assert code == 0, err
    assert "failed:  odd on cora, 3 runs: InvalidInputError: strategy 'exhaustive': predictor" in out
    assert pd.read_parquet(tmp_path / "r" / "comparison.parquet")["strategy"].unique().tolist() == ["random"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budgets = 3", "unknown key 'budgets': expected one of table, tasks,"),
        ('budget = "many"', "budget: expected a whole number"),
        ('strategies = ["ramdom"]', "unknown strategy 'ramdom'"),
        ("[strategy.random]\nsize = 3", "strategy 'random': unknown option 'size'; it has allowed, key"),
        ("[strategy]\nrandom = 3", "strategy.random: expected a table of key = value"),
        ("[strategy.mine]\nsize = 3", "unknown strategy 'mine'"),
    ],
)
def test_a_wrong_file_is_one_line(run, tmp_path, text, message):
    config = tmp_path / "compare.toml"
    config.write_text(text)
    assert message in one_line(*run("--config", config, "--run-dir", tmp_path / "r"))
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--tasks", "corra"), "did you mean 'cora'?"),
        (("--strategies", "ramdom"), "did you mean 'random'?"),
        (("--budget", "0"), "budget: expected at least 1"),
        (("--seeds", "0"), "seeds: expected"),
        (("--jobs", "0"), "jobs: expected"),
        (("--split", "test"), "split: expected the split that is searched on"),
        (("--budget-s", "10"), "no training times"),
        (("--table", "nothing.parquet"), "nothing.parquet"),
    ],
)
def test_wrong_flags_are_one_line(run, tmp_path, flags, message):
    assert message in one_line(*run(*flags, "--run-dir", tmp_path / "r"))


def test_another_budget_in_the_same_folder_is_refused(run, tmp_path):
    assert run(*QUICK, "--run-dir", tmp_path)[0] == 0
    assert "budget was 15, now 16" in one_line(*run(*QUICK, "--run-dir", tmp_path, "--budget", "16"))


def test_every_flag_can_stand_in_the_file(capsys):
    execute(["compare", "--help"])
    shown = capsys.readouterr().out
    missing = [key for key in KEYS if f"--{key} " not in shown and key != "strategy"]
    assert not missing
