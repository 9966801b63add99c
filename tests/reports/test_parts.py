"""The small parts a page is made of: numbers in words, scales, colours, markup, single figures."""

import re

import matplotlib
import numpy as np
import pandas as pd
import pytest

from surrogate_nas.reports.markup import Html, bar, code, html, table, tag
from surrogate_nas.reports.numbers import count, joined, percent, points, seconds
from surrogate_nas.reports.palette import DARK, LIGHT, MARKS
from surrogate_nas.reports.scales import curve_limits, fence
from surrogate_nas.reports.sheet import sheet

pytestmark = pytest.mark.xdist_group("reports")


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (percent(0.94123, 0.0031), "94.12 ± 0.31 %"),
        (percent(0.94123), "94.12 %"),
        (percent(float("nan")), "failed"),
        (points(1.234), "+1.23"),
        (points(-0.5), "−0.50"),
        (count(1, "network"), "1 network"),
        (count(26206, "network"), "26,206 networks"),
        (joined(["a"]), "a"),
        (joined(["a", "b", "c"]), "a, b and c"),
        (seconds(0.0421), "0.04 s"),
        (seconds(12.34), "12.3 s"),
        (seconds(99.6), "1 min 40 s"),
        (seconds(7322), "2 h 02 min"),
        (seconds(float("nan")), "not known"),
    ],
)
def test_numbers_read_as_people_write_them(got, expected):
    assert got.replace("\N{NO-BREAK SPACE}", " ") == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9, 0.91, 0.92, 0.93, 0.4], 0.9),
        ([0.9, 0.91, 0.92, 0.93, 0.89], 0.89),
        ([0.5, 0.6, 0.7, 0.8, 0.9], 0.5),
        ([[0.9, np.nan], [0.8, np.nan]], 0.8),
        ([0.7], 0.7),
        ([np.nan], 0.0),
    ],
)
def test_the_fence_keeps_outliers_out_and_nothing_else(values, expected):
    assert fence(values) == expected


def test_curve_limits_name_what_lies_below():
    ends = {"guided 1": 0.93, "guided 2": 0.90, "random 1": 0.92, "random 2": 0.91, "good": 0.94, "flat": 0.4}
    frame = pd.DataFrame(
        [
            (name, name.split()[0] if " " in name else "hand", mean, 0.01)
            for name, end in ends.items()
            for mean in (end / 2, end)
        ],
        columns=["label", "kind", "mean", "std"],
    )
    low, high, below = curve_limits(frame)
    assert low == pytest.approx(0.90 - 2 * 0.04)
    assert high > 0.95
    assert below == ["flat"]


def test_curves_never_begin_far_below_what_is_there():
    frame = pd.DataFrame({"label": ["a", "b"], "kind": "guided", "mean": [0.1, 0.9], "std": np.nan})
    assert curve_limits(frame)[0] == pytest.approx(0.09)


def contrast(a, b):
    """WCAG contrast ratio of two colours."""

    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("roles", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_page(roles):
    for ground in ("paper", "card"):
        assert contrast(roles["ink"], roles[ground]) > 7
        assert contrast(roles["muted"], roles[ground]) > 4.5
        assert all(contrast(roles[mark.role], roles[ground]) > 4 for mark in MARKS.values())


def test_colours_and_shapes_are_told_apart():
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()
    assert len({mark.marker for mark in MARKS.values()}) == len({mark.role for mark in MARKS.values()}) == len(MARKS)


def test_text_is_escaped_and_markup_is_not():
    assert tag("p", "a < b", Html("<b>c</b>"), class_="x", title='"&') == (
        '<p class="x" title="&quot;&amp;">a &lt; b<b>c</b></p>'
    )
    assert html("<script>", code("a&b")) == "&lt;script&gt;<code>a&amp;b</code>"
    assert "<td>&lt;i&gt;</td>" in table(["name"], [["<i>"]], label="t")
    assert tag("br") == "<br>"


def test_a_bar_of_nothing_is_no_error():
    assert "width:0.0%" in bar(0, 0)
    assert "width:50.0%" in bar(2, 4)


def drawn(name="one"):
    with sheet(name, 300, 200) as page:
        (line,) = page.axes.plot([0, 1], [0, 1], "o-", color=LIGHT["guided"])
        page.tip(line, "a < b")
        page.axes.set_xlabel("price in $ and $")
        return page.svg('a "line"')


def test_a_figure_is_the_same_each_time_and_leaves_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    assert drawn() == drawn()
    assert dict(matplotlib.rcParams) == before


def test_a_figure_follows_the_page():
    svg = drawn()
    assert svg.startswith('<svg role="img" aria-label="a &quot;line&quot;"')
    assert "var(--guided)" in svg
    assert not set(LIGHT.values()) & set(re.findall(r"#[0-9a-f]{6}", svg))
    assert "DejaVu" not in svg
    assert "price in $ and $" in svg
    assert "<title>a &lt; b</title>" in svg
    assert "<metadata" not in svg


def test_names_inside_figures_are_used_and_do_not_clash():
    names = [set(re.findall(r' id="([^"]+)"', drawn(name))) for name in ("one", "two")]
    assert names[0]
    assert not names[0] & names[1]
    assert all(f"#{name}" in drawn("one") for name in names[0])
