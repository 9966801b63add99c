"""``fit`` and ``rank`` on a user's own file: what comes out, and what a wrong file looks like."""

import contextlib
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import surrogate_nas as sn
from surrogate_nas.cli.app import WRONG_INPUT, execute
from surrogate_nas.cli.measurements import read_measurements
from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import kendall_tau

SPACE = sn.get_space("nas-bench-graph")
OTHER = sn.get_space("nas-bench-201")
GOOD = SPACE.format(SPACE.sample(6, 0))
FOREIGN = OTHER.format(OTHER.sample(1, 0))[0]
FIT = ("fit", "mine.csv", "--space", SPACE.name, "--save", "p")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = execute([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def cora():
    """All of a real task."""
    return sn.load_table(SPACE.name).data(task="cora", split="val")


def frame(cora, n=60, seed=0):
    """Real measurements as a user would have them."""
    X, y = cora
    rows = np.random.default_rng(seed).choice(len(X), n, replace=False)
    return pd.DataFrame({"arch": SPACE.format(X[rows]), "acc": 100 * y[rows]})


def one_line(err):
    assert err.count("\n") == 1, err
    assert err.startswith("surrogate-nas: ")
    assert err.isprintable() or err[:-1].isprintable(), "no control characters reach the terminal"
    return err.strip()


def test_fit_says_how_good_it_is_what_it_learned_and_what_is_best(run, cora, tmp_path):
    frame(cora).to_csv("mine.csv", index=False)
    code, out, err = run(*FIT, "--seed", 1, "--unit", "%", "--report", "p/page.html", "--top", 3)
    assert code == 0, err
    assert "60 architecture(s) measured, from columns 'arch' and 'acc'." in err
    for words in ("Kendall's tau 0.", "What decides most", "points on average", "all 26,206 architectures", "Next:"):
        assert words in out
    assert "expected %" in out
    assert (tmp_path / "p" / "page.html").stat().st_size > 10_000
    predictor = sn.load_predictor(tmp_path / "p")
    assert isinstance(predictor, sn.AutoPredictor)
    assert kendall_tau(predictor.predict(cora[0][::50]), cora[1][::50]) > 0.3
    code, out, err = run("rank", "--predictor", "p", "--top", 3, "--json")
    assert code == 0, err
    ranking = json.loads(out)["ranking"]
    best = predictor.rank(top=3)
    assert [row["architecture"] for row in ranking] == best.texts
    np.testing.assert_allclose([row["mean"] for row in ranking], best.mean)
    assert all(row["low"] < row["mean"] < row["high"] for row in ranking)
    assert sum(row["probability_best"] for row in ranking) == pytest.approx(1)


def test_earlier_tasks_help_a_few_measurements(run, cora):
    frame(cora, 12).to_csv("mine.csv", index=False)
    code, out, err = run(*FIT, "--table", SPACE.name)
    assert code == 0, err
    assert "Learned across cora" in err
    assert "On measurements left out" in out
    assert type(sn.load_predictor("p")).__name__ == "TransferPredictor"


def test_few_measurements_for_scripts(run, cora):
    frame(cora, 4).to_csv("mine.csv", index=False)
    code, out, err = run(*FIT, "--json")
    assert code == 0
    assert not err
    said = json.loads(out)
    assert (said["measured"], said["predictor"], said["report"]) == (4, "p", None)
    assert said["cross_validation"] is None, "too few to leave some out"
    assert len(said["ranking"]) == 10
    code, out, _ = run(*FIT)
    assert code == 0
    assert out.startswith("Too few measurements")
    assert "What decides most" not in out


def test_rows_without_a_score_and_repeats_are_counted(cora, tmp_path):
    data = frame(cora, 20)
    again = data.iloc[:2].assign(acc=data["acc"].iloc[:2] + 2)
    holes = frame(cora, 3, seed=7).assign(acc=np.nan)
    pd.concat([data, again, holes]).to_csv(tmp_path / "mine.csv", index=False)
    read = read_measurements(tmp_path / "mine.csv", SPACE)
    assert (len(read.y), len(read.rest), read.repeats) == (20, 3, 2)
    np.testing.assert_allclose(read.y, data["acc"] + [1, 1, *[0] * 18])
    assert SPACE.format(read.X) == data["arch"].tolist(), "in the order of the file"
    assert "Left out: 3 row(s) without a score." in read.told()
    assert "2 row(s) repeat an architecture: the mean of its scores counts." in read.told()


def test_less_is_better(run, cora):
    data = frame(cora)
    data.assign(acc=100 - data["acc"]).to_csv("mine.csv", index=False)
    code, out, _ = run("rank", "--measured", "mine.csv", "--direction", "min", "--save", "p", "--json")
    assert code == 0
    assert sn.load_predictor("p").direction == "min"
    means = [row["mean"] for row in json.loads(out)["ranking"]]
    assert means == sorted(means)


def test_side_features(run, cora):
    data = frame(cora, 40)
    data = data.assign(proxy=data["acc"] + 1, params=np.arange(40))
    data.loc[35:, "acc"] = np.nan
    data.to_csv("mine.csv", index=False)
    code, out, err = run(*FIT, "--extra-columns", "proxy,params", "--score-column", "acc")
    assert code == 0, err
    assert "Best expected of the 40 architectures of the file" in out
    data.drop(columns="acc").to_csv("more.csv", index=False)
    arguments = ("rank", "--predictor", "p", "--architectures", "more.csv")
    code, out, err = run(*arguments, "--extra-columns", "proxy,params", "--json")
    assert code == 0, err
    assert len(json.loads(out)["ranking"]) == 10
    code, _, err = run(*arguments)
    assert code == WRONG_INPUT
    assert "--extra-columns: expected the 2 side features" in one_line(err)
    code, _, err = run(*FIT, "--extra-columns", "proxy,params", "--score-column", "acc", "--table", SPACE.name)
    assert code == WRONG_INPUT
    assert "--extra-columns" in one_line(err)


def test_parquet_and_named_columns(cora, tmp_path):
    frame(cora, 20).assign(latency=np.arange(20)).to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(InvalidInputError, match="--score-column: expected one of 'acc', 'latency'"):
        read_measurements(tmp_path / "mine.parquet", SPACE)
    read = read_measurements(tmp_path / "mine.parquet", SPACE, score_column="latency")
    assert read.y.tolist() == list(range(20))
    assert (read.arch_column, read.score_column) == ("arch", "latency")


def test_a_csv_as_spreadsheets_write_it(cora, tmp_path):
    data = frame(cora, 20)
    text = "\ufeff" + data.to_csv()  # a byte order mark, an index without a name, other line ends, an empty row
    (tmp_path / "mine.csv").write_bytes((text.replace("\n", "\r\n") + "\r\n,,\r\n").encode())
    read = read_measurements(tmp_path / "mine.csv", SPACE)
    np.testing.assert_array_equal(read.y, data["acc"])
    assert (read.arch_column, read.score_column) == ("arch", "acc")


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: ("arch,acc\n" + t).encode(errors="replace")))
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    with contextlib.suppress(InvalidInputError):
        read = read_measurements(path, SPACE)
        assert np.isfinite(read.y).all()
        assert len(read.X) + len(read.rest) > 0


def test_rank_takes_a_csv_directly(run, cora):
    frame(cora, 20).to_csv("mine.csv", index=False)
    code, out, err = run("rank", "--measured", "mine.csv", "--top", 2)
    assert code == 0, err
    assert "Learned across" in err, "the default table has this space"
    assert len(out.splitlines()) == 3
    rows = OTHER.sample(30, 0)
    pd.DataFrame({"a": OTHER.format(rows), "s": rows.sum(axis=1)}).to_csv("other.csv", index=False)
    code, out, err = run("rank", "--measured", "other.csv", "--space", OTHER.name, "--top", 2)
    assert code == 0, err
    assert "on the new task alone" in err
    assert len(out.splitlines()) == 3
    code, _, err = run("rank", "--measured", "other.csv")
    assert code == WRONG_INPUT
    assert "--space names another space" in one_line(err)
    code, _, err = run("rank", "--measured", "other.csv", "--space", OTHER.name, "--table", SPACE.name)
    assert code == WRONG_INPUT
    assert "as in --table" in one_line(err)


def test_rank_answers_at_once_by_what_ships(run, cora):
    code, out, err = run("rank", "--top", 5, "--json")
    assert code == 0
    assert not err
    shipped = sn.MetaPredictor.from_pretrained(SPACE.name).adapt().rank(top=5)
    assert [row["architecture"] for row in json.loads(out)["ranking"]] == shipped.texts
    code, again, _ = run("rank", "--predictor", SPACE.name, "--top", 5, "--json")
    assert again == out
    frame(cora, 15).to_csv("mine.csv", index=False)
    code, out, err = run("rank", "--predictor", SPACE.name, "--measured", "mine.csv", "--top", 2, "--save", "p")
    assert code == 0, err
    assert len(sn.load_predictor("p").support_) == 15
    code, _, err = run("rank", "--predictor", "p", "--measured", "mine.csv")
    assert code == WRONG_INPUT
    assert "a saved one is adapted already" in one_line(err)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--space", OTHER.name), f"--space: expected '{SPACE.name}', as --predictor has it, got '{OTHER.name}'"),
        (("--direction", "min"), "--direction: expected max"),
        (("--seed", 3), "--seed and --predictor"),
        (("--table", SPACE.name), "--table and --predictor"),
    ],
)
def test_what_a_saved_predictor_cannot_follow_is_said(run, cora, options, words):
    X, y = cora
    sn.AutoPredictor(SPACE).fit(X[:6], y[:6]).save("p")
    code, _, err = run("rank", GOOD[0], "--predictor", "p", *options)
    assert code == WRONG_INPUT
    assert words in one_line(err)
    code, _, err = run("rank", GOOD[0], "--predictor", "p", "--space", SPACE.name)
    assert code == 0, err


def test_rank_reads_architectures_from_files(run, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join(GOOD))
    pd.DataFrame({"n": range(6), "arch": GOOD}).to_csv("list.csv", index=False)
    for name in ("list.txt", "list.csv"):
        code, out, err = run("rank", "--architectures", name, "--json")
        assert code == 0, err
        assert {row["architecture"] for row in json.loads(out)["ranking"]} == set(GOOD)
    (tmp_path / "list.txt").write_text("\n".join(["", *GOOD, "nonsense"]))
    code, _, err = run("rank", "--architectures", "list.txt")
    assert code == WRONG_INPUT
    assert "list.txt: line 8" in one_line(err)
    code, _, err = run("rank", GOOD[0], "--architectures", "list.txt")
    assert code == WRONG_INPUT
    assert "got both" in one_line(err)


def test_a_space_too_large_to_rank_whole_is_drawn_from(run):
    space = sn.get_space("nas-bench-301")
    rows = space.sample(12, 0)
    pd.DataFrame({"arch": space.format(rows), "acc": rows.sum(axis=1)}).to_csv("mine.csv", index=False)
    code, out, err = run("rank", "--measured", "mine.csv", "--space", space.name, "--top", 2)
    assert code == 0, err
    assert "architectures drawn from" in err
    assert len(out.splitlines()) == 3


def quoted(text):
    return f'"{text}"'


def lines(*rows, end="\n"):
    return end.join(",".join(row) for row in rows).encode() + end.encode()


FIRST = [("arch", "acc"), (quoted(GOOD[0]), "0.5"), (quoted(GOOD[1]), "0.6")]

#: A wrong file's bytes, and what the message has to say.
HOSTILE = {
    "empty": (b"", "empty file"),
    "byte order mark only": (b"\xef\xbb\xbf", "empty file"),
    "blank lines": (b"\n\n\n", "empty file"),
    "header only": (lines(("arch", "acc")), "at least one architecture below the header"),
    "semicolons": (b"arch;acc\n" + f'"{GOOD[0]}";0,5\n'.encode(), "expected commas"),
    "tabs": (f"arch\tacc\n{GOOD[0]}\t0.5\n".encode(), "expected commas"),
    "UTF-16": ("arch,acc\n".encode("utf-16"), "UTF-16"),
    "Latin-1": ("größe,acc\nx,1\n".encode("latin-1"), "UTF-8"),
    "binary": (bytes(range(256)) * 8, "UTF-8"),
    "zero bytes": (b"arch,acc\n\0\0,1\n", "zero bytes"),
    "zip": (b"PK\x03\x04" + b"\x80" * 50, "UTF-8"),
    "a web page": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "mine.csv"),
    "JSON": (b'{"arch": "x", "acc": 1}\n', "mine.csv"),
    "no header": (lines(*FIRST[1:]), "expected a header"),
    "the same column twice": (lines(("arch", "acc", "acc"), (quoted(GOOD[0]), "1", "2")), "several named 'acc'"),
    "text scores": (lines(*FIRST, (quoted(GOOD[2]), "good")), "line 4, column 'acc'"),
    "infinite": (lines(*FIRST, (quoted(GOOD[2]), "inf")), "line 4, column 'acc': expected a finite number"),
    "minus infinity": (lines(*FIRST, (quoted(GOOD[2]), "-Infinity")), "finite"),
    "too large": (lines(*FIRST, (quoted(GOOD[2]), "1e400")), "finite"),
    "digit groups": (lines(*FIRST, (quoted(GOOD[2]), "1_000")), "finite number"),
    "a decimal comma": (lines(*FIRST, (quoted(GOOD[2]), '"0,5"')), "finite number"),
    "no scores at all": (lines(("arch", "acc"), (quoted(GOOD[0]), ""), (quoted(GOOD[1]), "nan")), "at least one score"),
    "equal scores": (lines(("arch", "acc"), *((quoted(g), "0.5") for g in GOOD)), "scores that differ"),
    "no score column": (lines(("arch",), (quoted(GOOD[0]),), (quoted(GOOD[1]),)), "--score-column"),
    "no architectures": (lines(("a", "b"), ("1", "2"), ("3", "4")), "--arch-column"),
    "two columns of architectures": (
        lines(("a", "b", "acc"), (quoted(GOOD[0]), quoted(GOOD[1]), "1")), "several could be it: 'a', 'b'",
    ),
    "two columns of scores": (lines(("arch", "a", "b"), (quoted(GOOD[0]), "1", "2")), "expected one of 'a', 'b'"),
    "another space": (lines(("arch", "acc"), (FOREIGN, "0.5"), (FOREIGN, "0.6")), "line 2"),
    "a mistyped architecture": (lines(*FIRST, (quoted(GOOD[2].replace("|", "|x", 1)), "1")), "line 4"),
    "an empty architecture": (lines(*FIRST, ("", "1")), "line 4"),
    "a line break within an architecture": (
        lines(*FIRST, (quoted(GOOD[2][:12] + "\n" + GOOD[2][12:]), "1")), "line 5",
    ),
    "unquoted commas": (f"arch,acc\n{GOOD[0]},1\n".encode(), "expected 2 fields as in the header, got 5"),
    "a missing field": (lines(*FIRST, (quoted(GOOD[2]),)), "line 4: expected 2 fields"),
    "an open quote": (b'arch,acc\n"' + GOOD[0].encode() + b",1\n", "not a CSV file"),
    "a huge field": (b"arch,acc\n" + b"x" * 200_000 + b",1\n", "not a CSV file"),
    "escape sequences": (b"\x1b[2Jarch,\x1b]0;acc\x07\n1,2\n", "--arch-column"),
    "thousands of columns": (
        lines([f"c{i}" for i in range(5000)], ["1"] * 5000), "--arch-column",
    ),
    "thousands of possible scores": (
        lines(["arch", *(f"c{i}" for i in range(5000))], [quoted(GOOD[0]), *(["1"] * 5000)]), "and 4,988 more",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_wrong_file_is_one_line_and_nothing_is_written(run, name, tmp_path):
    raw, said = HOSTILE[name]
    (tmp_path / "mine.csv").write_bytes(raw)
    for arguments in (
        (*FIT, "--report", "page.html"),
        ("rank", "--measured", "mine.csv", "--space", SPACE.name, "--save", "p"),
    ):
        code, out, err = run(*arguments)
        assert code == WRONG_INPUT, out
        assert said in one_line(err)
        assert len(err) < 1500
        assert not out
        assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--arch-column", "name"), "unknown column 'name'"),
        (("--score-column", "score"), "unknown column 'score'"),
        (("--extra-columns", "flops"), "unknown column 'flops'"),
        (("--direction", "up"), "--direction: expected max"),
        (("--space", "nas-bench-2001"), "did you mean 'nas-bench-201'"),
        (("--table", "nope"), "unknown table 'nope'"),
        (("--top", "0"), "--top"),
        (("--seed", "-1"), "--seed"),
        (("--report", "page.pdf"), ".html"),
        (("--report", "no/such/page.html"), "a folder that exists"),
        (("--save", "mine.csv"), "something else stands there"),
    ],
)
def test_wrong_options(run, cora, change, said, tmp_path):
    frame(cora, 5).to_csv("mine.csv", index=False)
    code, out, err = run(*FIT, *change)
    assert code == WRONG_INPUT
    assert said in err.splitlines()[-1]
    assert not out
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


def test_files_that_cannot_be_read(run, tmp_path):
    for name, raw in (("a.parquet", b""), ("b.parquet", b"PAR1" + b"x" * 40 + b"PAR1"), ("c.csv", None)):
        if raw is not None:
            (tmp_path / name).write_bytes(raw)
        for arguments in (("fit", name, "--space", SPACE.name, "--save", "p"), ("rank", "--measured", name)):
            code, out, err = run(*arguments)
            assert code == WRONG_INPUT
            assert name in one_line(err)
            assert not out


def test_nothing_known_about_a_space(run):
    code, _, err = run("rank", "--space", OTHER.name)
    assert code == WRONG_INPUT
    assert "nothing is known about 'nas-bench-201' yet" in one_line(err)
    code, _, err = run("rank", "--architectures", "missing.txt")
    assert code == WRONG_INPUT
    assert "missing.txt" in one_line(err)
