"""The figures of a report, as SVG text that follows the page's light or dark mode."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from surrogate_nas.reports.findings import rows
from surrogate_nas.reports.numbers import percent
from surrogate_nas.reports.palette import LIGHT, MARKS, START, Mark
from surrogate_nas.reports.scales import fence
from surrogate_nas.reports.sheet import Sheet, sheet

if TYPE_CHECKING:
    import pandas as pd

INK, MUTED, LINE, PAPER = LIGHT["ink"], LIGHT["muted"], LIGHT["line"], LIGHT["paper"]


def comparison(networks: "pd.DataFrame") -> str:
    """Every confirmed network on its own line: validation hollow, test filled, bars of one standard deviation.

    Args:
        networks: As :func:`surrogate_nas.reports.findings.networks` gives them, in order.
    """
    n = len(networks)
    floor = 100 * fence(networks[["val", "test"]])
    with sheet("comparison", 420, 44 + 19 * n) as page:
        axes = page.axes
        for at, row in enumerate(rows(networks)):
            mark = MARKS[row.kind]
            if row.answer:
                axes.axhspan(at - 0.5, at + 0.5, color=mark.colour, alpha=0.09, lw=0)
            if not 100 * min(row.val, row.test) >= floor:  # off the scale, or no number at all
                failed = not np.isfinite(row.val)
                words = "failed" if failed else f"◂ {percent(row.val)} validation, {percent(row.test)} test"
                axes.annotate(words, (0.015, at), xycoords=("axes fraction", "data"), color=MUTED, va="center")
                continue
            for split, shift, filled in (("val", -0.19, False), ("test", 0.19, True)):
                mean, std = getattr(row, split), getattr(row, f"{split}_std")
                words = f"{row.label}, {'test' if filled else 'validation'}: {percent(mean, std)}"
                _point(page, 100 * mean, at + shift, mark, words, filled=filled, xerr=100 * std)
        axes.set_yticks(range(n), networks["label"])
        for tick, row in zip(axes.get_yticklabels(), rows(networks), strict=True):
            tick.set_color(MARKS[row.kind].colour)
            tick.set_fontweight("bold" if row.answer else "normal")
        axes.set_ylim(n - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlabel("score (%), mean ± standard deviation over fresh seeds")
        return page.svg("Validation and test score of every confirmed network")


def ranking(frame: "pd.DataFrame") -> str:
    """The top of the ranking: predicted mean ± one standard deviation, and what trainings have shown since.

    Args:
        frame: As :func:`surrogate_nas.reports.findings.ranking` gives it.
    """
    n = len(frame)
    mark = MARKS["guided"]
    with sheet("ranking", 420, 44 + 15 * n) as page:
        axes = page.axes
        for row in rows(frame):
            words = f"rank {row.rank}, {row.architecture}: predicted {percent(row.mean, row.std)}"
            _point(page, 100 * row.mean, row.rank, mark, words, filled=not np.isfinite(row.found), xerr=100 * row.std)
            measured = row.val if np.isfinite(row.val) else row.found
            if np.isfinite(measured):
                (cross,) = axes.plot(100 * measured, row.rank, "x", color=INK, ms=5.5, mew=1.5, zorder=4)
                page.tip(cross, f"rank {row.rank}: measured {percent(measured)}")
        axes.set_ylim(n + 0.6, 0.4)
        axes.set_yticks(range(1, n + 1))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_ylabel("rank")
        axes.set_xlabel("validation score (%), predicted ± one standard deviation")
        return page.svg("The best predicted architectures with the uncertainty of each prediction")


def agreement(networks: "pd.DataFrame") -> str:
    """Predicted against confirmed validation score, with both uncertainties and the diagonal.

    Args:
        networks: Distinct networks, as :func:`surrogate_nas.reports.findings.networks` gives them.
    """
    known = networks.dropna(subset=["predicted", "val"])
    both = 100 * known[["predicted", "val"]].to_numpy()
    floor = fence(both)
    high = both.max(initial=floor)
    room = 0.08 * max(high - floor, 1.0)
    low, high = floor - room, high + room
    with sheet("agreement", 400, 360) as page:
        axes = page.axes
        for row in rows(known):
            x, y = 100 * row.predicted, 100 * row.val
            words = (
                f"{row.label}: predicted {percent(row.predicted, row.predicted_std)}, "
                f"confirmed {percent(row.val, row.val_std)}"
            )
            if min(x, y) < floor:
                text = axes.annotate(
                    "▾" if y < floor else "◂", (max(x, low), max(y, low)), (3, 2), textcoords="offset points",
                    color=MARKS[row.kind].colour,
                )  # fmt: skip
                page.tip(text, words)
                continue
            spread = {"xerr": 100 * row.predicted_std, "yerr": 100 * row.val_std}
            _point(page, x, y, MARKS[row.kind], words, filled=not row.seen, **spread)
        axes.plot([low, high], [low, high], color=MUTED, lw=1, ls=(0, (2, 2)), zorder=1)
        axes.set_xlim(low, high)  # bars may leave the frame; the points decide the scale
        axes.set_ylim(low, high)
        axes.set_aspect("equal")
        axes.grid()
        axes.set_xlabel("predicted (%)")
        axes.set_ylabel("confirmed on validation (%)")
        return page.svg("Predicted against confirmed validation score")


def best_so_far(frame: "pd.DataFrame", support: int) -> str:
    """Highest validation score after each training of the search, for both arms.

    Args:
        frame: As :func:`surrogate_nas.reports.findings.best_so_far` gives it.
        support: Trainings at the beginning that both arms share.
    """
    with sheet("best-so-far", 420, 290) as page:
        axes = page.axes
        shared = frame[(frame["kind"] == "guided") & (frame["step"] <= support)]
        if support:
            axes.axvspan(0.5, support + 0.5, color=LINE, alpha=0.35, lw=0, zorder=0)
            axes.text(
                (support + 1) / 2, 0.02, "shared random start", ha="center", color=MUTED,
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip
        for kind in ("random", "guided"):  # the guided line on top
            mark, part = MARKS[kind], frame[frame["kind"] == kind]
            _tried(page, part[part["step"] > support], mark)
            own = part[part["step"] >= support]  # from the last shared one, so that the line begins where both were
            axes.step(own["step"], 100 * own["best"], where="post", color=mark.colour, ls=mark.line, lw=2.2, zorder=4)
        _tried(page, shared, START)
        axes.step(shared["step"], 100 * shared["best"], where="post", color=START.colour, lw=2.2, zorder=3)
        _off_scale(page, frame[(frame["step"] > support) | (frame["kind"] == "guided")])
        axes.set_xlim(0.5, frame["step"].max() + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.set_xlabel("networks trained")
        axes.set_ylabel("validation score (%)")
        return page.svg("Best validation score so far against the number of networks trained, both arms")


def curves(frame: "pd.DataFrame", kind: str, limits: tuple[float, float]) -> str:
    """Validation accuracy by epoch of one kind's networks; the band is one standard deviation over seeds.

    Args:
        frame: The rows of this kind, as :func:`surrogate_nas.reports.findings.curves` gives them.
        kind: Which networks these are.
        limits: Lowest and highest accuracy of the axis, the same for every kind.
    """
    mark = MARKS[kind]
    low, high = limits
    with sheet(f"curves-{kind}", 300, 230) as page:
        axes = page.axes
        for label, line in frame.groupby("label", sort=False):
            thick = bool(line["thick"].iloc[0])
            x, y, std = line["epoch"], 100 * line["mean"], 100 * line["std"].fillna(0)
            if thick:
                axes.fill_between(x, y - std, y + std, color=mark.colour, alpha=0.18, lw=0)
            look: Any = {"lw": 2.2, "zorder": 3} if thick else {"lw": 1.0, "alpha": 0.55}
            (drawn,) = axes.plot(x, y, color=mark.colour, **look)
            page.tip(drawn, f"{label}: {percent(line['mean'].iloc[-1])} after {x.iloc[-1]} epochs")
        axes.set_ylim(100 * low, 100 * high)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
        axes.set_xlabel("epoch")
        axes.set_ylabel("validation score (%)")
        return page.svg(f"Learning curves of the networks that are {mark.words}")


def _off_scale(page: Sheet, frame: "pd.DataFrame") -> None:
    """Begin the axis where the outliers end; mark them, and trainings that failed, at the bottom."""
    floor = fence(frame["val"])
    below = frame[frame["val"] < floor]
    if len(below):
        page.axes.set_ylim(bottom=100 * floor - 0.05 * (100 * frame["val"].max() - 100 * floor))
    for part, symbol in ((below, "▾"), (frame[frame["val"].isna()], "×")):
        for row in rows(part):
            place = page.axes.get_xaxis_transform()
            text = page.axes.annotate(
                symbol, (row.step, 0.09), xycoords=place, color=MARKS[row.kind].colour, ha="center"
            )
            page.tip(text, f"training {row.step:.0f}: {percent(row.val)}, {row.architecture}")


def _tried(page: Sheet, part: "pd.DataFrame", mark: Mark) -> None:
    for row in rows(part):
        words = f"training {row.step:.0f}, {mark.words}: {percent(row.val)}, {row.architecture}"
        _point(page, row.step, 100 * row.val, mark, words, filled=False, size=3.6, alpha=0.75)


def _point(
    page: Sheet, x: float, y: float, mark: Mark, words: str, *, filled: bool, size: float = 5.5, alpha: float = 1.0,
    xerr: float = float("nan"), yerr: float = float("nan"),
) -> None:  # fmt: skip
    """A mark with error bars where they are known; nothing where the value itself is not."""
    if not (np.isfinite(x) and np.isfinite(y)):
        return
    for error, horizontal in ((xerr, True), (yerr, False)):
        if np.isfinite(error):
            ends = ([x - error, x + error], [y, y]) if horizontal else ([x, x], [y - error, y + error])
            page.axes.plot(*ends, color=mark.colour, lw=1.3, alpha=0.6 * alpha, solid_capstyle="butt", zorder=2)
    (drawn,) = page.axes.plot(
        x, y, mark.marker, ms=size * mark.scale, mew=1.2, color=mark.colour, alpha=alpha, zorder=3,
        mfc=mark.colour if filled else PAPER,
    )  # fmt: skip
    page.tip(drawn, words)
