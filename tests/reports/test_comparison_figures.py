"""Figures and LaTeX tables of a comparison: what they show is what the statistics say."""

import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import MissingExtraError
from surrogate_nas.experiments import statistics as st
from surrogate_nas.reports import write_comparison_figures, write_comparison_tables
from surrogate_nas.reports.comparison import figures
from surrogate_nas.reports.comparison.labels import spread
from surrogate_nas.reports.comparison.latex import latex_escape, latex_regret_by_task, latex_summary
from surrogate_nas.reports.palette import series

pytestmark = pytest.mark.xdist_group("reports")


@pytest.fixture(scope="module")
def runs(comparison):
    return st.read_runs(comparison.frame)


def lines(figure, names):
    """The curves of a figure, by the name that stands at their end."""
    axes = figure.axes[0]
    drawn = axes.get_lines()[: len(names)]
    return {name: np.asarray(line.get_xydata()) for name, line in zip(names, drawn, strict=True)}


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_curves_are_the_means(runs):
    drawn = lines(figures.regret_figure(runs), runs.strategies)
    means = st.regret_over_tasks(runs, range(1, 41), medians=False, resamples=10).set_index("strategy")["mean"]
    for name, points in drawn.items():
        np.testing.assert_array_equal(points[:, 0], np.arange(1, 41))
        np.testing.assert_allclose(points[:, 1], means[name])
    one = lines(figures.regret_figure(runs, task=runs.tasks[1]), runs.strategies)
    np.testing.assert_allclose(one["random"][:, 1], runs.regret[runs.strategies.index("random"), 1].mean(axis=0))


def test_every_line_is_named_and_no_name_hides_another(runs):
    figure = figures.regret_figure(runs)
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text() in runs.strategies]
    assert sorted(text.get_text() for text in texts) == sorted(runs.strategies)
    boxes = sorted((text.get_window_extent() for text in texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes), "inside the figure"


def test_the_share_of_hits_ends_where_the_table_does(comparison, runs):
    drawn = lines(figures.targets_figure(runs, comparison.tasks), runs.strategies)
    reached = st.evaluations_to_target_over_tasks(runs, comparison.tasks).set_index("strategy")["reached"]
    for name, points in drawn.items():
        assert points[-1, 1] == pytest.approx(100 * reached[name])


def test_the_profile_is_the_share_of_runs(runs):
    drawn = lines(figures.profile_figure(runs, budget=20), runs.strategies)
    for name, points in drawn.items():
        last = runs.normalised[runs.strategies.index(name), ..., 19]
        shares = [100 * (last <= threshold).mean(axis=1).mean() for threshold in points[:, 0]]
        np.testing.assert_allclose(points[:, 1], shares)


def test_the_diagram_says_the_ranks(runs):
    test = st.average_ranks(runs)
    texts = " ".join(words(figures.ranks_figure(runs)))
    assert f"CD {test.critical_difference:.2f}" in texts
    for name, rank in test.ranks.items():
        assert re.search(rf"{name} +{rank:.2f}|{rank:.2f} +{name}", texts)


def test_nothing_in_the_diagram_is_cut_off():
    for names in (("a", "b", "c"), ("a", "bananas", "regularized-evolution")):
        blocks = pd.DataFrame([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [2.0, 1.0, 3.0]], columns=list(names))
        figure = figures.ranks_figure(st.rank_blocks(blocks))
        assert any("CD " in text for text in words(figure))
        for text in figure.axes[0].texts:
            box = text.get_window_extent()
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1


def test_bars_that_overlap_lie_on_different_levels():
    blocks = pd.DataFrame(np.arange(8.0) + np.random.default_rng(0).normal(size=(12, 8)), columns=list("abcdefgh"))
    test = st.rank_blocks(blocks)
    bars = [line for line in figures.ranks_figure(test).axes[0].get_lines() if line.get_linewidth() > 2]
    assert len(bars) == len(test.groups) > 1
    for first, second in zip(bars, bars[1:], strict=False):
        overlap = first.get_xdata()[1] > second.get_xdata()[0]
        assert (first.get_ydata()[0] != second.get_ydata()[0]) or not overlap


def test_names_move_no_further_than_they_must():
    np.testing.assert_allclose(spread([0.5, 0.1], 0.2, 0, 1), [0.5, 0.1])
    np.testing.assert_allclose(spread([0.5, 0.5], 0.2, 0, 1), [0.4, 0.6])
    np.testing.assert_allclose(spread([0.0, 0.0, 0.0], 0.2, 0, 1), [0.0, 0.2, 0.4])
    np.testing.assert_allclose(spread([1.0, 1.0, 0.9], 0.2, 0, 1), [0.8, 1.0, 0.6])
    crowded = spread(np.zeros(20), 0.2, 0, 1)
    assert (crowded.min(), crowded.max()) == (0, 1)
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = rng.random(6)
        placed = spread(wanted, 0.1, 0, 1)
        assert (np.argsort(placed) == np.argsort(wanted)).all()
        assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-12
        assert 0 <= placed.min() <= placed.max() <= 1 + 1e-12


def test_twenty_eight_lines_look_different():
    assert len({(series(i).light, series(i).dash) for i in range(28)}) == 28
    assert series(28) == series(0)


def test_all_figures_are_written_twice_the_same(comparison, tmp_path):
    first, again = (
        write_comparison_figures(comparison.frame, comparison.tasks, tmp_path / name, formats=("svg",))
        for name in ("a", "b")
    )
    assert [path.name for path in first] == ["regret.svg", "tasks.svg", "targets.svg", "profile.svg", "ranks.svg"]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
        ET.parse(one)  # noqa: S314 - written a moment ago
    (pdf,) = [p for p in write_comparison_figures(
        comparison.frame, comparison.tasks, tmp_path / "c", formats=("pdf",)) if p.stem == "ranks"]  # fmt: skip
    assert pdf.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    "part",
    [
        lambda f: f[f["strategy"] == "random"],
        lambda f: f[(f["task"] == f["task"].iloc[0]) & (f["seed"] == 0)],
        lambda f: f[f["step"] == 1],
        lambda f: f.assign(regret=0.0),
    ],
    ids=["one strategy", "one task and seed", "one evaluation", "all perfect"],
)
def test_little_data_can_be_drawn(comparison, tmp_path, part):
    frame = part(comparison.frame)
    assert len(write_comparison_figures(frame, comparison.tasks, tmp_path, formats=("svg",))) == 5
    assert len(write_comparison_tables(frame, comparison.tasks, tmp_path)) == 2


def test_without_targets_there_is_no_such_figure(comparison, tmp_path):
    paths = write_comparison_figures(
        comparison.frame, comparison.tasks.assign(target=np.nan), tmp_path, formats=("svg",)
    )
    assert "targets.svg" not in [path.name for path in paths]
    with pytest.raises(InvalidInputError, match="expected a task with numbers as best and target"):
        figures.targets_figure(comparison.frame, comparison.tasks.assign(target=np.nan))


def test_what_cannot_be_written_is_one_line(comparison, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidInputError, match="expected a folder that can be written to"):
        write_comparison_figures(comparison.frame, comparison.tasks, tmp_path / "file")
    with pytest.raises(InvalidInputError, match="expected a file that can be written, got Format 'xyz'") as error:
        write_comparison_figures(comparison.frame, comparison.tasks, tmp_path, formats=("xyz",))
    assert "\n" not in str(error.value)
    monkeypatch.setitem(sys.modules, "scikit_posthocs", None)
    with pytest.raises(MissingExtraError, match=r"surrogate-nas\[stats\]"):
        figures.ranks_figure(comparison.frame)


def test_a_users_style_is_left_alone(runs):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 33.0}):
        figures.regret_figure(runs)
        assert mpl.rcParams["font.size"] == 33.0


def test_the_latex_summary_has_the_numbers(comparison, runs):
    found = st.summary(runs, comparison.tasks)
    table = latex_summary(runs, comparison.tasks)
    rows = [line for line in table.splitlines() if line.endswith(r"\\")][1:]
    assert len(rows) == len(found)
    assert rows[0].startswith(f"{found.index[0]} & \\textbf{{{found['rank'].iloc[0]:.2f}}} & ")
    for row, (name, numbers) in zip(rows, found.iterrows(), strict=True):
        assert row.startswith(f"{name} & ")
        assert row.count("&") == 5
        low, high = re.findall(r"\[([\d.]+), ([\d.]+)\]", row)[0]
        assert float(low) == pytest.approx(numbers["regret_low"], rel=0.01)
        assert float(high) == pytest.approx(numbers["regret_high"], rel=0.01)
    for rule in ("toprule", "midrule", "bottomrule"):
        assert table.count(rule) == 1
    without = latex_summary(runs, comparison.tasks.assign(target=np.nan))
    assert "Evaluations" not in without


def test_the_latex_table_by_task_has_one_best_per_task(comparison, runs):
    table = latex_regret_by_task(runs, comparison.tasks.assign(unit="ms"))
    rows = [line.removesuffix(r" \\").split(" & ") for line in table.splitlines() if line.endswith(r"\\")]
    assert rows[0] == ["Strategy", *(f"{task} (ms)" for task in runs.tasks)]
    means = runs.regret[..., -1].mean(axis=2)
    for row, strategy in zip(rows[1:], means, strict=True):
        for cell, mean, column in zip(row[1:], strategy, means.T, strict=True):
            assert float(re.search(r"[\d.]+", cell)[0]) == pytest.approx(mean, rel=0.005)
            assert cell.startswith(r"\textbf") == (mean == column.min())


def test_missing_cells_are_dashes(comparison):
    frame = comparison.frame
    gone = (frame["strategy"] == "random") & (frame["task"] == comparison.tasks.index[0])
    table = latex_regret_by_task(frame[~gone], comparison.tasks)
    assert re.search(r"random & -- & [\d\\]", table)


def test_names_are_text_in_latex():
    assert latex_escape(r"a_b & 50% of {x}^2 \input{y} ~$#") == (
        r"a\_b \& 50\% of \{x\}\textasciicircum{}2 \textbackslash{}input\{y\} \textasciitilde{}\$\#"
    )
    assert latex_escape("two\nlines") == "two lines"
