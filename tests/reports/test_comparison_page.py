"""The page of a comparison, as text and in a real browser."""

import json
import re
import sys
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import MissingExtraError
from surrogate_nas.experiments import statistics as st
from surrogate_nas.reports import write_comparison_report
from surrogate_nas.reports.comparison.page import SECTIONS, render
from surrogate_nas.reports.comparison.payload import BUDGETS, payload

pytestmark = pytest.mark.xdist_group("browser")

EVIL = {"random": "</script><img src=x onerror=alert(1)>", "exhaustive": "<b>&amp;\"'</b>"}
EVIL_TASK = "--><script>alert(2)</script>"


def without_scripts(text):
    return re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def path(comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "comparison.html"
    return write_comparison_report(comparison.frame, comparison.tasks, path, failures=comparison.failures)


@pytest.fixture(scope="module")
def runs(comparison):
    return st.read_runs(comparison.frame)


def open_page(browser, path, **options):
    """A page that keeps what it complains about and asks for."""
    page = browser.new_page(**options)
    page.complaints, page.asked = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#curves-plot .legend")
    return page


@pytest.fixture(scope="module")
def opened(browser, path):
    page = open_page(browser, path)
    yield page
    page.close()


@pytest.fixture
def page(opened, path):
    """The page as it is at first; it must not complain, nor ask for anything."""
    yield opened
    for kind in ("task", "strategy"):
        opened.locator(f"button[data-all={kind}][data-to='1']").click()
    opened.select_option("#budget", index=len(opened.query_selector_all("#budget option")) - 1)
    opened.select_option("#split", index=0)
    assert opened.complaints == []
    assert opened.asked == [path.as_uri()]


def table(page, name):
    """Title -> texts by row; the interval beneath a number is left out."""
    cells = page.eval_on_selector_all(
        f"#{name} tr", "rows => rows.map(row => [...row.cells].map(c => (c.querySelector('span:not(.who)') || c)))"
        ".map(cells => cells.map(c => (c.querySelector('small') ? c.firstChild : c).textContent))",
    )  # fmt: skip
    return pd.DataFrame(cells[1:], columns=cells[0]).set_index(cells[0][0])


def choose(page, *, tasks=None, strategies=None):
    """Click until exactly these are checked."""
    for kind, wanted in (("tasks", tasks), ("strategies", strategies)):
        if wanted is not None:
            for label in page.query_selector_all(f"#{kind}-filter label"):
                if label.query_selector("input").is_checked() != (label.inner_text().strip() in wanted):
                    label.click()


def expected(runs, strategies, tasks, budget):
    """Mean normalised regret and average rank by strategy, in the units of the whole comparison."""
    s, t = [runs.strategies.index(name) for name in strategies], [runs.tasks.index(name) for name in tasks]
    means = runs.normalised[np.ix_(s, t)][..., budget - 1].mean(axis=2)
    return means.mean(axis=1), stats.rankdata(means.round(9), axis=0).mean(axis=1)


def test_the_page_needs_nothing_else(path):
    text = path.read_text(encoding="utf-8")
    page = without_scripts(text)
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b", page)
    assert not re.search(r"""(src|href)=["'](?!#)""", page)
    assert "default-src 'none'" in page
    assert len(text) < 7e6
    for anchor, title, _ in SECTIONS:
        assert f'id="{anchor}"' in page
        assert f"<h2>{title}</h2>" in page


def test_the_same_comparison_gives_the_same_page(comparison, path):
    text = path.read_text(encoding="utf-8")
    assert render(comparison.frame, comparison.tasks, failures=comparison.failures) == text


def test_the_headline_says_the_numbers(comparison, path):
    found = st.summary(comparison.frame, comparison.tasks)
    page = without_scripts(path.read_text(encoding="utf-8"))
    assert "<h1>3 strategies on 3 tasks</h1>" in page
    assert f"<strong>{found.index[0]}</strong> ranks best, {found['rank'].iloc[0]:.2f} on average" in page
    best = found["regret"].idxmin()
    assert f"{found['regret'][best]:.3f} (95 % interval {found['regret_low'][best]:.3f} to" in page


def test_the_browser_computes_what_the_library_does(page, runs, comparison):
    found = st.summary(runs, comparison.tasks)
    shown = table(page, "summary")
    assert sorted(shown.index) == sorted(found.index)
    for name, row in found.iterrows():
        assert float(shown.loc[name, "average rank"]) == pytest.approx(row["rank"], abs=0.005)
        for title, column in (("normalised regret", "regret"), ("median", "median"), ("area", "area")):
            assert float(shown.loc[name, title]) == pytest.approx(row[column], rel=0.005)
        assert float(shown.loc[name, "hit the target"].split()[0]) == pytest.approx(100 * row["reached"], rel=0.005)
        assert float(shown.loc[name, "evaluations"].split()[-1]) == pytest.approx(row["evaluations"], rel=0.005)
    intervals = page.eval_on_selector_all("#summary tr td:nth-child(3) small", "all => all.map(e => e.textContent)")
    for name, interval in zip(shown.index, intervals, strict=True):
        width = found.loc[name, "regret_high"] - found.loc[name, "regret_low"]
        ends = np.array(interval.split("–"), dtype=float)
        assert np.abs(ends - found.loc[name, ["regret_low", "regret_high"]].to_numpy(dtype=float)).max() < 0.2 * width


def test_filters_change_the_numbers_as_they_must(page, runs):
    before = table(page, "summary")
    tasks, strategies = [runs.tasks[0], runs.tasks[2]], ["random", "regularized-evolution"]
    choose(page, tasks=tasks, strategies=strategies)
    shown = table(page, "summary")
    assert sorted(shown.index) == sorted(strategies)
    regret, ranks = expected(runs, strategies, tasks, 40)
    for name, mean, rank in zip(strategies, regret, ranks, strict=True):
        assert float(shown.loc[name, "normalised regret"]) == pytest.approx(mean, rel=0.005)
        assert float(shown.loc[name, "average rank"]) == pytest.approx(rank, abs=0.005)
    assert shown["normalised regret"].to_dict() != before["normalised regret"].to_dict()
    assert page.inner_text("#shown") == "After 40 evaluations, over 2 tasks."
    drawn = page.evaluate(
        "document.getElementById('curves-plot').data.filter(d => d.name).map(d => [d.name, d.y.at(-1)])"
    )
    assert [name for name, _ in drawn] == strategies
    np.testing.assert_allclose([last for _, last in drawn], regret, rtol=1e-5)
    assert page.locator("#ranks-plot text", has_text="exhaustive").count() == 0
    assert table(page, "tasks-table").shape == (2, 2)
    assert table(page, "pairs-table").shape == (2, 2)
    page.locator("button[data-all=task][data-to='1']").click()
    page.locator("button[data-all=strategy][data-to='1']").click()
    pd.testing.assert_frame_equal(table(page, "summary"), before)


def test_another_budget_and_the_test_split(page, runs, comparison):
    page.select_option("#budget", label="10")
    regret, _ = expected(runs, runs.strategies, runs.tasks, 10)
    shown = table(page, "summary")["normalised regret"].astype(float)
    np.testing.assert_allclose(shown[list(runs.strategies)], regret, rtol=0.005)
    assert "After 10 evaluations" in page.inner_text("#shown")
    page.select_option("#split", label="test")
    test = st.read_runs(comparison.frame, column="test_regret")
    shown = table(page, "summary")["normalised regret"].astype(float)
    np.testing.assert_allclose(
        shown[list(runs.strategies)], expected(test, runs.strategies, runs.tasks, 10)[0], rtol=0.005
    )


def test_one_task_is_shown_in_its_own_unit(page, runs):
    choose(page, tasks=[runs.tasks[1]])
    shown = table(page, "summary")
    means = runs.regret[:, 1, :, -1].mean(axis=1)
    np.testing.assert_allclose(shown["regret"].astype(float)[list(runs.strategies)], means, rtol=0.005)
    assert "needs three strategies and two tasks" in page.inner_text("#ranks-words")


def test_nothing_chosen_is_said_and_forgotten(page):
    page.locator("button[data-all=strategy][data-to='0']").click()
    assert page.is_visible("#nothing")
    assert not page.is_visible("#summary")
    choose(page, strategies=["random"])
    assert not page.is_visible("#nothing")
    assert table(page, "summary").index.tolist() == ["random"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_it_fits_the_screen_and_follows_the_scheme(browser, path, scheme, width):
    page = open_page(browser, path, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    line = page.evaluate("document.getElementById('curves-plot').data.find(d => d.name).line.color")
    assert line == {"light": "#0072b2", "dark": "#56a8e8"}[scheme]
    assert page.complaints == []
    page.close()


def test_names_are_text_wherever_they_stand(browser, comparison, tmp_path):
    frame, tasks = comparison.frame.copy(), comparison.tasks.copy()
    frame["strategy"] = frame["strategy"].cat.rename_categories(EVIL)
    frame["task"] = frame["task"].cat.rename_categories({tasks.index[0]: EVIL_TASK})
    tasks = tasks.rename(index={tasks.index[0]: EVIL_TASK})
    failures = pd.DataFrame({"strategy": [EVIL["random"]], "task": [EVIL_TASK], "seed": [1], "message": ["<script>1"]})
    path = write_comparison_report(frame, tasks, tmp_path / "evil.html", failures=failures, title=EVIL_TASK)
    text = path.read_text(encoding="utf-8")
    assert EVIL["random"] not in text
    assert EVIL_TASK not in text
    page = open_page(browser, path)
    assert page.complaints == []
    assert page.asked == [path.as_uri()]
    assert page.locator("img, main b").count() == 0
    assert page.inner_text("h1") == EVIL_TASK
    assert set(EVIL.values()) < set(table(page, "summary").index)
    assert EVIL_TASK in table(page, "tasks-table").columns
    legend = page.eval_on_selector_all("#curves-plot .legendtext", "all => all.map(e => e.textContent)")
    assert EVIL["random"] in legend
    page.close()


def test_strangers_run_nothing(browser, path, tmp_path):
    """The browser refuses every script but the page's own two."""
    other = tmp_path / "other.html"
    text = path.read_text(encoding="utf-8").replace("<main>", "<main><script>document.title = 'stranger'</script>", 1)
    other.write_text(text, encoding="utf-8")
    page = open_page(browser, other)
    assert page.title() != "stranger"
    assert any("Content Security Policy" in complaint for complaint in page.complaints)
    page.close()


@pytest.fixture(scope="module")
def run_script(browser):
    page = browser.new_page()
    source = files("surrogate_nas.reports.comparison").joinpath("stats.js").read_text(encoding="utf-8")
    yield lambda code, value: page.evaluate(f"(given) => {{ {source}; {code} }}", value)
    page.close()


def test_friedmans_test_in_the_browser_is_scipys(run_script):
    rng = np.random.default_rng(0)
    cases = [rng.integers(0, 6, size=(n, k)).astype(float) for n, k in ((2, 3), (9, 12), (5, 4), (40, 6))]
    cases.append(np.arange(50.0).reshape(5, 10))  # all agree
    for blocks in cases:
        found = run_script("return friedman(given)", blocks.tolist())
        test = st.rank_blocks(pd.DataFrame(blocks))
        np.testing.assert_allclose(found["average"], test.ranks.sort_index())
        assert found["statistic"] == pytest.approx(test.statistic)
        assert found["p"] == pytest.approx(test.p_value, abs=1e-12)


def test_groups_and_quantiles_in_the_browser_are_the_librarys(run_script):
    rng = np.random.default_rng(1)
    for _ in range(10):
        blocks = pd.DataFrame(rng.random((12, 6)) + np.arange(6) / 3)
        test = st.rank_blocks(blocks)
        found = run_script("return groups(given[0], given[1])", [test.ranks.tolist(), test.critical_difference])
        names = [str(name) for name in test.ranks.index]
        assert [names[a : b + 1] for a, b in found] == test.groups
    values = rng.random(11)
    found = run_script("return [0, .1, .5, 1].map(q => quantile([...given].sort(), q))", values.tolist())
    np.testing.assert_allclose(found, np.quantile(values, [0, 0.1, 0.5, 1]))


def test_what_is_missing_is_told(comparison, browser, tmp_path):
    frame = comparison.frame
    gone = (frame["strategy"] == "random") & (frame["task"] == comparison.tasks.index[0])
    short = (frame["strategy"] == "exhaustive") & (frame["seed"] == 2) & (frame["step"] > 20)
    page = without_scripts(render(frame[~gone & ~short], comparison.tasks))
    assert f"4 runs missing: <code>random/{comparison.tasks.index[0]}/0, " in page
    assert "3 runs ended before the budget was spent" in page
    path = write_comparison_report(frame[~gone], comparison.tasks, tmp_path / "page.html")
    opened = open_page(browser, path)
    words = f"over 2 tasks. Left out, since not every strategy has a run there: {comparison.tasks.index[0]}."
    assert words in opened.inner_text("#shown")
    choose(opened, strategies=["exhaustive", "regularized-evolution"])
    assert "over 3 tasks." in opened.inner_text("#shown")
    assert opened.complaints == []
    opened.close()


@pytest.mark.parametrize(
    "part",
    [
        lambda f: f[f["strategy"] == "random"],
        lambda f: f[(f["task"] == f["task"].iloc[0]) & (f["seed"] == 0)],
        lambda f: f[f["step"] == 1],
    ],
    ids=["one strategy", "one task and seed", "one evaluation"],
)
def test_small_comparisons_have_a_page_too(comparison, browser, tmp_path, part):
    path = write_comparison_report(part(comparison.frame), comparison.tasks, tmp_path / "page.html")
    page = open_page(browser, path)
    assert page.complaints == []
    assert len(table(page, "summary")) >= 1
    page.close()


def test_tasks_without_targets_or_test_scores(comparison, browser, tmp_path):
    frame, tasks = comparison.frame.assign(test_regret=np.nan), comparison.tasks.assign(target=np.nan)
    page = open_page(browser, write_comparison_report(frame, tasks, tmp_path / "page.html"))
    assert page.complaints == []
    assert (table(page, "summary")["hit the target"] == "–").all()
    assert not page.is_visible("#split")
    page.close()


def test_long_runs_are_thinned_out():
    regret = np.minimum.accumulate(np.random.default_rng(0).random((2, 1, 2, 5000)), axis=3)
    runs = st.Runs(("a", "b"), ("t",), (0, 1), regret, np.full((2, 1, 2), 5000))
    values = payload({"val": runs}, pd.DataFrame({"best": [1.0], "target": [0.9], "unit": ["%"]}, index=["t"]))
    assert values["budgets"] == [*(n for n in BUDGETS if n < 5000), 5000]
    steps = values["splits"][0]["steps"]
    assert (steps[0], steps[-1]) == (1, 5000)
    assert len(steps) <= 150
    assert len(json.dumps(values)) < 20_000


def test_what_cannot_be_is_one_line(comparison, tmp_path, monkeypatch):
    with pytest.raises(InvalidInputError, match="expected a file that can be written"):
        write_comparison_report(comparison.frame, comparison.tasks, tmp_path / "no" / "page.html")
    with pytest.raises(InvalidInputError, match="expected a frame with the column 'step'"):
        render(comparison.frame.drop(columns="step"), comparison.tasks)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'surrogate-nas\[plots\]'"):
        render(comparison.frame, comparison.tasks)
