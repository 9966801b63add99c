"""``surrogate-nas proxies`` as a user meets it: files for `fit`, what was stopped goes on, one line per mistake."""

import json

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.cli.app import WRONG_INPUT, execute
from surrogate_nas.experiments.proxies import PROXY_LOG
from surrogate_nas.training.proxies import PROXIES

QUICK = ("--task", "random", "--input-shape", "3,8,8", "--batch-size", "4", "--jobs", "1")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def one_line(err):
    assert err.count("\n") == 1, err
    return err.strip()


def test_from_proxies_and_scores_to_a_predictor(run, tmp_path):
    space = sn.get_space("nas-bench-201")
    texts = space.format(space.sample(12, np.random.default_rng(5), unique=True))
    scores = [text.count("conv_3x3") + 0.01 * i for i, text in enumerate(texts)]
    pd.DataFrame({"cell": texts, "top1": scores}).to_csv(tmp_path / "mine.csv", index=False)

    asked = ("proxies", *QUICK, "--proxies", "params,flops,synflow", "--run-dir", tmp_path / "p")
    code, out, err = run(*asked, "--measured", tmp_path / "mine.csv", "--sample", 4)
    assert code == 0, err
    assert "16 architecture(s), 12 with a score" in out
    assert "16 of 16" in err
    frame = pd.read_csv(tmp_path / "p" / "proxies.csv")
    assert list(frame.columns) == ["architecture", "score", "params", "flops", "synflow"]
    assert list(frame["architecture"][:12]) == list(texts)
    assert list(frame["score"][:12]) == scores
    assert frame["score"][12:].isna().all()
    assert pd.read_parquet(tmp_path / "p" / "proxies.parquet").equals(frame)

    (next_line,) = [line for line in out.splitlines() if line.startswith("Next: surrogate-nas fit")]
    code, out, err = run(*next_line.removeprefix("Next: surrogate-nas ").split(), "--json", "--seed", 0)
    assert code == 0, err
    found = json.loads(out)
    assert found["measured"] == 12
    assert found["without_score"] == 4
    code, out, err = run(
        "rank", "--predictor", tmp_path / "p" / "predictor", "--architectures", tmp_path / "p" / "proxies.parquet",
        "--extra-columns", "params,flops,synflow", "--top", 3,
    )  # fmt: skip
    assert code == 0, err
    assert len(out.splitlines()) == 4


def test_the_same_folder_goes_on(run, tmp_path):
    asked = ("proxies", *QUICK, "--run-dir", tmp_path, "--json")
    code, out, err = run(*asked, "--sample", 2)
    assert code == 0, err
    first = json.loads(out)
    assert first["architectures"] == 2
    assert first["proxies"] == list(PROXIES)
    log = (tmp_path / PROXY_LOG).read_text()
    code, out, err = run(*asked, "--sample", 3)
    assert code == 0, err
    assert json.loads(out)["architectures"] == 3
    assert (tmp_path / PROXY_LOG).read_text().startswith(log)


def test_a_table_of_own_trainings_gives_the_scores(run, tmp_path):
    space = sn.get_space("nas-bench-201")
    X = space.sample(3, np.random.default_rng(0), unique=True)
    column = sn.Column("digits", "accuracy", "val", 1, 0)
    sn.Table(space, X, {column: np.array([0.1, 0.2, 0.3])}).to_parquet(tmp_path / "table.parquet")
    asked = ("proxies", *QUICK, "--proxies", "params", "--run-dir", tmp_path / "p", "--sample", 1, "--json")
    code, out, err = run(*asked, "--measured", tmp_path / "table.parquet")
    assert code == 0, err
    assert json.loads(out)["measured"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "digitz"], "did you mean 'digits'"),
        (["--space", "nas-bench-graph", "--task", "wine"], "proxies do not read graphs"),
        (["--sample", "0"], "--sample: expected at least 1, got 0"),
        (["--sample", "3", "--all"], "--all: expected it alone"),
        (["--space", "nas-bench-301", "--all"], "nas-bench-301"),
        (["--proxies", "snapp"], "unknown proxy 'snapp'"),
        (["--proxies", "snip,snip"], "expected a list of different proxies"),
        (["--task", "random", "--input-shape", "3x8"], "--input-shape: expected sizes such as 3,32,32, got '3x8'"),
        (["--task", "random", "--input-shape", "5"], "input_shape"),
        (["--task", "random", "--classes", "0"], "at least one output"),
        (["--batch-size", "1"], "at least 2 samples"),
        (["--seed", "-1"], "seed"),
        (["--device", "cuda:99"], "device"),
        (["--jobs", "0"], "jobs"),
        (["--architecture", "nonsense"], "nonsense"),
        (["--measured", "/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_wrong_input_is_one_line(run, tmp_path, arguments, said):
    code, out, err = run("proxies", "--run-dir", tmp_path / "p", *arguments)
    assert code == WRONG_INPUT
    assert not out
    assert said in one_line(err)
