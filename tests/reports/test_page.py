import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.reports import read_run, write_report
from surrogate_nas.reports.findings import answers
from surrogate_nas.reports.headline import headline
from surrogate_nas.reports.markup import html
from surrogate_nas.reports.page import render
from surrogate_nas.reports.sections import SECTIONS
from surrogate_nas.reports.sections.comparison import comparison
from surrogate_nas.reports.sections.drawings import drawings
from surrogate_nas.reports.sections.reproduce import reproduce
from surrogate_nas.training import load_dataset

pytestmark = pytest.mark.xdist_group("reports")

VOID = {"meta", "br", "hr", "link", "img", "input"}


class Reader(HTMLParser):
    """Checks that tags are balanced, and gathers names, links, tags and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.words = [], [], [], set(), []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())


def words(markup):
    return Reader(str(markup)).text


@pytest.fixture(scope="module")
def page(finished):
    path = write_report(finished.folder)
    assert path == finished.folder / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_needs_nothing_else(page):
    reader = Reader(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert set(re.findall(r"https?://[^\s\"')]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_page_has_every_section_with_its_figures(page):
    reader = Reader(page)
    for section in SECTIONS:
        assert section.anchor in reader.ids
        assert section.title in reader.text
    # Comparison, ranking, agreement, progress and three panels of curves.
    assert page.count('<svg role="img" aria-label=') == 7


def test_the_same_run_gives_the_same_page(page, run):
    assert render(run) == page


def test_the_headline_says_the_numbers_of_the_run(run):
    ours, luck, hand = answers(run)
    text = words(headline(run))
    assert f"classifies {100 * ours.test:.2f} ± {100 * ours.test_std:.2f} % of the test data correctly" in text
    assert f"({run.budget.trainings} trainings each)" in text
    assert f"the best hand-made network ({hand.label})" in text
    for other in (luck, hand):
        if other.architecture != ours.architecture:
            assert f"{100 * (ours.test - other.test):+.2f} points".replace("-", "−") in text


def changed(run, kind, **values):
    comparison = run.comparison.copy()
    comparison.loc[comparison["kind"] == kind, list(values)] = list(values.values())
    return replace(run, comparison=comparison)


FAILED = {"val": np.nan, "val_std": np.nan, "test": np.nan, "test_std": np.nan, "failed": 2.0}


def test_arms_that_chose_the_same_network_are_not_compared(run):
    ours = answers(run)[0]
    same = changed(run, "random", architecture=ours.architecture, test=ours.test, test_std=ours.test_std)
    text = words(headline(same))
    assert "the same network as random search at equal cost" in text
    assert "there is nothing to compare" in text


def test_one_seed_gives_no_spread(run):
    one = run
    for kind in ("guided", "random", "hand"):
        one = changed(one, kind, val_std=np.nan, test_std=np.nan)
    one = replace(one, budget=replace(run.budget, seeds=1))
    text = words(headline(one))
    assert "with 1 fresh training seed" in text
    assert "±" not in text.replace("Points, ± standard error", "")
    assert "standard error)" not in text


def test_a_guided_arm_that_failed_is_no_answer(run):
    text = Reader(render(changed(run, "guided", **FAILED))).text
    assert "my wine: no answer" in text
    assert "failed" in text


def test_other_arms_that_failed_are_not_compared(run):
    elsewhere = answers(run)[2].architecture
    text = words(headline(changed(changed(run, "random", architecture=elsewhere, **FAILED), "hand", **FAILED)))
    assert "no comparison with random search" in text
    assert "every training of it failed" in text


def test_failed_trainings_are_listed(run):
    failed = replace(run.trainings[0], status="failed", reason="diverged: the loss was not finite at epoch 2")
    text = words(html(*comparison(replace(run, trainings=(failed, *run.trainings[1:])))))
    assert f"Failed: 1 training of {len(run.trainings)}" in text
    assert failed.reason in text


def test_a_run_without_shared_start_or_references_or_search_is_drawn(run):
    history = run.history.copy()
    history["val"] = np.nan
    bare = replace(
        run,
        comparison=run.comparison[run.comparison["kind"] != "hand"],
        history=history,
        budget=replace(run.budget, support=0),
        trainings=tuple(r for r in run.trainings if not r.seed),
        seconds={},
    )
    text = Reader(render(bare)).text
    assert "No training of a confirmed network has a learning curve" in text


def test_a_space_of_the_users_own_is_named_not_drawn(run):
    text = words(html(*drawings(replace(run, space="my-space"))))
    assert "cannot be drawn: unknown space 'my-space'" in text


def test_hostile_names_stay_text(copy):
    evil = '<img src=x onerror="alert(1)">&$title'
    facts = json.loads((copy / "run.json").read_text())
    facts["config"]["trainer"]["dataset"] = facts["platform"] = facts["space"]["name"] = evil
    facts["learned_from"][evil] = 3
    (copy / "run.json").write_text(json.dumps(facts))
    table = (copy / "comparison.csv").read_text()
    first = read_run(copy).comparison.query("kind == 'hand'")["name"].iloc[0]
    (copy / "comparison.csv").write_text(table.replace(first, "<b>$x$</b>"))
    reader = Reader(write_report(copy).read_text(encoding="utf-8"))
    assert not reader.tags & {"img", "b"}
    assert evil in reader.text
    assert "<b>$x$</b>" in reader.text
    assert "data of the user's own" in reader.text


def test_the_command_repeats_the_settings_where_the_data_come_with_the_package(run):
    known = replace(run, task="wine", data=load_dataset("wine").descriptors())
    text = words(html(*reproduce(known)))
    for part in (
        "surrogate-nas run --task wine",
        "--support 4",
        "--further 3",
        "--rounds 2",
        "--finalists 2",
        "--seeds 2",
        "--epochs 4",
    ):
        assert part in text


def test_a_folder_that_cannot_take_the_page(copy):
    (copy / "report.html").unlink(missing_ok=True)
    (copy / "report.html").mkdir()
    with pytest.raises(InvalidInputError, match=r"report\.html': expected a file that can be written, got .*; make"):
        write_report(copy)


def test_importing_the_package_loads_no_plotting():
    code = "import sys, surrogate_nas.reports; sys.exit('matplotlib' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
