"""The figures of a predictor's page, as SVG text that follows the page's light or dark mode."""

from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from surrogate_nas.predictors.explaining.architecture import ArchitectureExplanation
from surrogate_nas.predictors.explaining.held_out import LeftOut
from surrogate_nas.predictors.explaining.space import SpaceExplanation
from surrogate_nas.predictors.explaining.wording import Wording, lines
from surrogate_nas.reports.palette import LIGHT
from surrogate_nas.reports.scales import fence
from surrogate_nas.reports.sheet import sheet

INK, MUTED, LINE, PAPER = LIGHT["ink"], LIGHT["muted"], LIGHT["line"], LIGHT["paper"]
BETTER, WORSE = LIGHT["guided"], LIGHT["random"]

#: Most decisions in one map or chart, and most columns whose cells show numbers.
MOST, NUMBERED = 16, 9

#: Points of a scatter plot; more are a cloud in which none is seen.
POINTS = 1000

#: Changes shown of one architecture, to either side.
CHANGES = 7


def maps(learned: SpaceExplanation) -> list[str]:
    """Main effects as maps, decisions by options: one map for all decisions with the same options.

    Args:
        learned: What was learned about the space.
    """
    important = set(learned.decisions["decision"].head(MOST))
    groups: dict[tuple[str, ...], list[str]] = {}
    for decision, part in learned.effects.groupby("decision", sort=False):
        if decision in important and len(part) > 1:
            groups.setdefault(tuple(part["option"]), []).append(str(decision))
    largest = float(learned.effects["effect"].abs().max())
    cells = {(row.decision, row.option): row for row in lines(learned.effects)}
    return [
        _map(f"map-{k}", cells, decisions, options, largest, learned.wording)
        for k, (options, decisions) in enumerate(groups.items())
    ]


def _map(
    name: str,
    cells: dict[tuple[str, str], Any],
    decisions: list[str],
    options: tuple[str, ...],
    largest: float,
    words: Wording,
) -> str:
    longest = max(map(len, options))
    with sheet(name, 420, 40 + 24 * len(decisions) + min(5.5 * longest, 80)) as page:
        axes = page.axes
        for i, decision in enumerate(decisions):
            for j, option in enumerate(options):
                cell = cells[decision, option]
                good = (cell.effect >= 0) == (words.direction == "max")
                strength = abs(cell.effect) / largest if largest > 0 else 0.0
                # The square root keeps small effects apart from none.
                look = {"color": BETTER if good else WORSE, "alpha": 0.75 * np.sqrt(strength), "lw": 0}
                box = axes.add_patch(Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, **look))
                page.tip(box, f"{decision}: {option} {words.worth(cell.effect, cell.std)}")
                if len(options) <= NUMBERED:
                    text = f"{cell.effect:+.{words.decimals}f}".replace("-", "−")
                    axes.text(j, i, text, ha="center", va="center", color=INK, fontsize=8.5)
        axes.set_xlim(-0.5, len(options) - 0.5)
        axes.set_ylim(len(decisions) - 0.5, -0.5)
        axes.set_yticks(range(len(decisions)), decisions)
        turned = longest * len(options) > 45
        axes.set_xticks(
            range(len(options)), options, rotation=35 if turned else 0, ha="right" if turned else "center",
            rotation_mode="anchor" if turned else None,
        )  # fmt: skip
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return page.svg(f"Effect of each option of {', '.join(decisions)} on the predicted score")


def importance(learned: SpaceExplanation) -> str:
    """Share of the variance of predicted scores that each decision explains by itself, as bars.

    Args:
        learned: What was learned about the space.
    """
    frame = learned.decisions.head(MOST)
    with sheet("importance", 420, 50 + 17 * len(frame)) as page:
        axes = page.axes
        for i, row in enumerate(lines(frame)):
            (bar,) = axes.barh(i, 100 * row.share, height=0.66, color=BETTER, alpha=0.75)
            page.tip(bar, f"{row.decision}: {row.share:.1%}")
        axes.set_yticks(range(len(frame)), frame["decision"])
        axes.set_ylim(len(frame) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlabel("share of the variance of predicted scores (%)")
        return page.svg("How much of the variance of predicted scores each decision explains by itself")


def agreement(left_out: LeftOut, unit: str) -> str:
    """Measured against predicted, each row by a predictor that had not seen it.

    Args:
        left_out: The predictions.
        unit: Unit of the scores.
    """
    low, high = _frame(left_out)
    some = np.linspace(0, len(left_out.y) - 1, min(len(left_out.y), POINTS)).round().astype(int)
    x, y = left_out.mean[some], left_out.y[some]
    with sheet("predicted", 400, 360) as page:
        axes = page.axes
        axes.plot([low, high], [low, high], color=MUTED, lw=1, ls=(0, (2, 2)), zorder=1)
        inside = (np.minimum(x, y) >= low) & (np.maximum(x, y) <= high)
        axes.plot(x[inside], y[inside], "o", ms=4, mew=0, color=BETTER, alpha=0.55, zorder=3)
        a, b = np.clip(x[~inside], low, high), np.clip(y[~inside], low, high)
        axes.plot(a, b, "o", ms=4, mew=1.1, mfc=PAPER, color=WORSE, zorder=3, clip_on=False)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_aspect("equal")
        axes.grid()
        suffix = f" ({unit})" if unit else ""
        axes.set_xlabel(f"predicted without having seen it{suffix}")
        axes.set_ylabel(f"measured{suffix}")
        return page.svg("Measured scores against predictions of rows that were left out")


def outside(left_out: LeftOut) -> int:
    """How many rows lie beyond the frame of :func:`agreement`."""
    both = np.stack([left_out.mean, left_out.y])
    low, high = _frame(left_out)
    return int(((both < low) | (both > high)).any(axis=0).sum())


def _frame(left_out: LeftOut) -> tuple[float, float]:
    """Ends of both axes: where most rows lie, and a little room; of all rows, also where only some are drawn."""
    both = np.stack([left_out.mean, left_out.y])
    low, high = fence(both), -fence(-both)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def calibration(left_out: LeftOut) -> str:
    """Share of left-out rows within intervals of each level, with the range that chance allows.

    Args:
        left_out: The predictions with their intervals.
    """
    levels, found = np.array(list(left_out.inside)), np.array(list(left_out.inside.values()))
    line = np.linspace(0, 1, 101)
    chance = 1.96 * np.sqrt(line * (1 - line) / len(left_out.y))
    with sheet("calibration", 420, 300) as page:
        axes = page.axes
        axes.fill_between(100 * line, 100 * (line - chance), 100 * (line + chance), color=LINE, alpha=0.6, lw=0)
        axes.plot([0, 100], [0, 100], color=MUTED, lw=1, ls=(0, (2, 2)), zorder=1)
        for level, share in zip(levels, found, strict=True):
            (point,) = axes.plot(100 * level, 100 * share, "o", ms=6.5, color=BETTER, zorder=3)
            page.tip(point, f"intervals of {level:.0%} hold {share:.1%} of the left-out rows")
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 102)
        axes.grid()
        axes.set_xlabel("level of the interval (%)")
        axes.set_ylabel("measured scores inside (%)")
        return page.svg("How many measured scores lie within the intervals of each level")


def changes(explained: ArchitectureExplanation) -> str:
    """What the best and the worst single changes of one architecture do to its predicted score.

    Args:
        explained: The architecture.
    """
    import pandas as pd

    frame, words = explained.effects, explained.wording
    if len(frame) > 2 * CHANGES:
        frame = pd.concat([frame.head(CHANGES), frame.tail(CHANGES)])
    with sheet("changes", 460, 50 + 17 * len(frame)) as page:
        axes = page.axes
        for i, row in enumerate(lines(frame)):
            good = (row.effect >= 0) == (words.direction == "max")
            (bar,) = axes.barh(i, row.effect, height=0.66, color=BETTER if good else WORSE, alpha=0.75)
            page.tip(bar, f"{row.architecture}: {words.change(row.effect, row.std)}")
            if np.isfinite(row.std):
                axes.plot([row.effect - row.std, row.effect + row.std], [i, i], color=INK, lw=1, alpha=0.6)
        labels = [f"{row.decision}: {row.option}"[:48] for row in lines(frame)]
        axes.set_yticks(range(len(frame)), labels)
        axes.set_ylim(len(frame) - 0.4, -0.6)
        axes.axvline(0, color=MUTED, lw=1)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlabel(f"change of the predicted score{f' ({words.unit})' if words.unit else ''}")
        return page.svg("What single changes do to the predicted score of the best predicted architecture")
