"""Figures of a comparison for papers: one column wide, colour-blind safe, with names at the lines instead of a legend.

Each function returns a matplotlib figure; :func:`write_comparison_figures` writes them all.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.statistics import (
    RankTest,
    Runs,
    average_ranks,
    first_hits,
    has_target,
    read_runs,
    regret_by_task,
    regret_over_tasks,
    score_profile,
)
from surrogate_nas.reports.comparison.labels import KEY, label_ends
from surrogate_nas.reports.document import make_folder
from surrogate_nas.reports.palette import LIGHT, series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: Widths of one and of two columns of a paper, in inches.
COLUMN, PAGE = 3.4, 7.0

_SIZE = 7.5
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LIGHT["muted"],
    "axes.labelsize": _SIZE,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": _SIZE,
    "figure.dpi": 150,
    "font.family": ["DejaVu Sans"],
    "font.size": _SIZE,
    "grid.color": LIGHT["line"],
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "pdf.fonttype": 42,  # fonts as fonts: many venues refuse the default
    "svg.fonttype": "none",
    "svg.hashsalt": "comparison",
    "text.parse_math": False,
    "xtick.labelsize": _SIZE - 0.5,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.labelsize": _SIZE - 0.5,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Settings of the figures, and of whatever else is drawn or saved inside; matplotlib's own stay as they were."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = _STYLE
        matplotlib.rcParams.update(settings)
        yield


def regret_figure(frame: "pd.DataFrame | Runs", *, task: str | None = None, unit: str = "") -> Figure:
    """Mean regret against the number of evaluations, with bands of 95 % intervals.

    Args:
        frame: The tidy frame of a comparison, or what ``read_runs`` made of it.
        task: One task, in its own unit; None averages normalised regrets over all.
        unit: The task's unit, for the axis.
    """
    runs = read_runs(frame)
    steps = range(1, runs.budget + 1)
    if task is None:
        values, label = regret_over_tasks(runs, steps, medians=False), "normalised regret"
    else:
        values = regret_by_task(runs.select(tasks=[task]), steps)
        label = f"regret ({unit})" if unit not in ("", "1") else "regret"
    with paper_style():
        figure, axes = _blank()
        _curves(axes, runs.strategies, values)
        axes.set_ylabel(label)
        _name_lines(figure, axes, runs.strategies)
        return figure


def tasks_figure(frame: "pd.DataFrame | Runs", tasks: "pd.DataFrame") -> Figure:
    """Mean regret of every task in a panel of its own, in its own unit; two columns wide."""
    runs = read_runs(frame)
    steps = range(1, runs.budget + 1)
    n_columns = min(3, len(runs.tasks))
    n_rows = -(-len(runs.tasks) // n_columns)
    values = regret_by_task(runs, steps, resamples=200)
    with paper_style():
        figure = Figure(figsize=(PAGE, 1.6 * n_rows + 0.5), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(n_rows, n_columns, squeeze=False)
        for i, axes in enumerate(panels.flat):
            if i >= len(runs.tasks):
                axes.set_axis_off()
                continue
            task = runs.tasks[i]
            _curves(axes, runs.strategies, values[values["task"] == task])
            axes.set_title(task, loc="left")
            unit = str(tasks.loc[task, "unit"]) if task in tasks.index else ""
            axes.set_ylabel(f"regret ({unit})" if unit not in ("", "1") else "regret")
            axes.set_xlabel("evaluations" if i + n_columns >= len(runs.tasks) else "")
        lines = panels.flat[0].get_lines()
        figure.legend(lines, runs.strategies, loc="outside lower center", ncols=4, frameon=False, handlelength=2.4)
        return figure


def targets_figure(frame: "pd.DataFrame | Runs", tasks: "pd.DataFrame") -> Figure:
    """The share of runs that have hit their task's target, against evaluations, averaged over tasks.

    Raises:
        InvalidInputError: No task has a target.
    """
    runs = read_runs(frame).complete
    known = [task for task in runs.tasks if has_target(tasks, task)]
    if not known:
        raise InvalidInputError("tasks: expected a task with numbers as best and target, got none")
    runs = runs.select(tasks=known)
    hits = first_hits(runs, tasks)[..., None]
    steps = np.arange(1, runs.budget + 1)
    reached = np.where(np.isnan(hits), np.nan, hits <= steps)
    shares = np.nanmean(np.nanmean(reached, axis=2), axis=1)
    with paper_style():
        figure, axes = _blank()
        for i, share in enumerate(shares):
            axes.step(steps, 100 * share, where="post", **_look(i))
        axes.set_ylim(0, 101)
        axes.set_ylabel("runs that hit the target (%)")
        _evaluations(axes, runs.budget)
        _name_lines(figure, axes, runs.strategies)
        return figure


def profile_figure(frame: "pd.DataFrame | Runs", *, budget: int | None = None) -> Figure:
    """The share of runs that end with at most some normalised regret, with bands of 95 % intervals."""
    runs = read_runs(frame).complete
    last = runs.normalised[..., runs.at(budget)]
    positive = last[last > 0]  # NaN is not
    low, high = (float(np.quantile(positive, 0.02)), float(positive.max())) if positive.size else (0.1, 1.0)
    thresholds = np.geomspace(low / 1.1, high * 1.1, 120)
    profile = score_profile(runs, list(thresholds), budget)
    with paper_style():
        figure, axes = _blank()
        for i, strategy in enumerate(runs.strategies):
            part = profile[profile["strategy"] == strategy]
            axes.fill_between(
                thresholds, 100 * part["low"], 100 * part["high"], color=series(i).light, alpha=0.13, lw=0
            )
            axes.plot(thresholds, 100 * part["share"], **_look(i))
        _logarithmic(axes, "x")
        axes.set_xlim(thresholds[-1], thresholds[0])
        axes.set_ylim(0, 101)
        axes.set_xlabel("at most this normalised regret")
        axes.set_ylabel("runs (%)")
        axes.grid(axis="y")
        _name_lines(figure, axes, runs.strategies, at=0)
        return figure


def ranks_figure(frame: "pd.DataFrame | Runs | RankTest", *, budget: int | None = None) -> Figure:
    """Critical-difference diagram: average ranks, with bars over strategies that do not differ significantly.

    Raises:
        MissingExtraError: scikit-posthocs is not installed.
    """
    test = frame if isinstance(frame, RankTest) else average_ranks(frame, budget)
    names = [str(name) for name in test.ranks.index]
    k, levels = len(names), _levels(test)
    wide = (_text_width(names) + 34) / 72 / COLUMN  # what names take on a side, as a share of the figure
    left = k if wide > 0.3 else -(-k // 2)  # long names all stand on one side
    sides = np.array([min(wide, 0.6), 0.06 if left == k else wide])
    rooms = sides / (1 - sides.sum()) * max(1, k - 1)
    below = 0.35 + 0.28 * (1 + max(levels, default=-1))
    depth = below + 0.42 * left
    with paper_style():
        figure = Figure(figsize=(COLUMN, 0.36 * (depth + 1.3)))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(1 - rooms[0], max(k, 2) + rooms[1]), ylim=(-depth, 1.3))
        axes.set_axis_off()
        _ruler(axes, k, test.critical_difference)
        for i, (name, rank) in enumerate(zip(names, test.ranks.to_numpy(dtype=float), strict=True)):
            y = -below - 0.42 * (i if i < left else k - 1 - i)
            edge: float = 1 - 0.03 * k if i < left else 1.03 * k
            align, words = ("right", f"{name}  {rank:.2f} ") if i < left else ("left", f" {rank:.2f}  {name}")
            axes.plot(np.array([rank, rank, edge]), [0.0, y, y], color=LIGHT["muted"], lw=0.6)
            axes.text(edge, y, words, ha=align, va="center", size=_SIZE - 0.5)
        for group, level in zip(test.groups, levels, strict=True):
            ends = [test.ranks[group[0]] - 0.005 * k, test.ranks[group[-1]] + 0.005 * k]
            axes.plot(ends, [-0.25 - 0.28 * level] * 2, color=LIGHT["guided"], lw=2.6, solid_capstyle="round")
        return figure


def write_comparison_figures(
    frame: "pd.DataFrame",
    tasks: "pd.DataFrame",
    folder: str | Path,
    *,
    budget: int | None = None,
    formats: Sequence[str] = ("pdf", "svg"),
) -> list[Path]:
    """Write all figures of a comparison into a folder: regret, tasks, targets, profile and ranks.

    The same frame gives the same files.

    Args:
        frame: The tidy frame of a comparison.
        tasks: Indexed by task: unit, best and target.
        folder: Where to; made if needed.
        budget: After how many evaluations to compare; None takes all.
        formats: Endings that matplotlib knows.

    Returns:
        What was written. Targets are left out where no task has one.

    Raises:
        InvalidInputError: The frame is not as it should be, or the folder cannot be written to.
        MissingExtraError: scikit-posthocs is not installed.
    """
    runs = read_runs(frame)
    makers: dict[str, Callable[[], Figure]] = {
        "regret": lambda: regret_figure(runs),
        "tasks": lambda: tasks_figure(runs, tasks),
        "targets": lambda: targets_figure(runs, tasks),
        "profile": lambda: profile_figure(runs, budget=budget),
        "ranks": lambda: ranks_figure(runs, budget=budget),
    }
    if not any(has_target(tasks, task) for task in runs.complete.tasks):
        del makers["targets"]
    make_folder(folder)
    paths = []
    for name, make in makers.items():
        figure = make()
        for ending in formats:
            paths.append(Path(folder) / f"{name}.{ending}")
            _save(figure, paths[-1])
    return paths


def _save(figure: Figure, path: Path) -> None:
    undated = {"svg": "Date", "pdf": "CreationDate"}.get(path.suffix[1:])
    try:
        with paper_style():
            figure.savefig(path, metadata=None if undated is None else {undated: None})
    except (OSError, ValueError) as error:  # ValueError: no such format
        raise InvalidInputError(f"{str(path)!r}: expected a file that can be written, got {error}") from None


def _blank() -> tuple[Figure, "Axes"]:
    figure = Figure(figsize=(COLUMN, 2.35))
    FigureCanvasAgg(figure)
    return figure, figure.add_axes((0.14, 0.16, 0.5, 0.8))


def _look(i: int) -> dict[str, Any]:
    line = series(i)
    return {"color": line.light, "ls": (0, line.dash) if line.dash else "-"}


def _curves(axes: "Axes", strategies: Sequence[str], values: "pd.DataFrame") -> None:
    for i, strategy in enumerate(strategies):
        part = values[values["strategy"] == strategy]
        axes.fill_between(part["budget"], part["low"], part["high"], color=series(i).light, alpha=0.13, lw=0)
        axes.plot(part["budget"], part["mean"], **_look(i))
    positive = values["mean"].to_numpy()
    positive = positive[positive > 0]
    if positive.size:  # a mean of zero, the best for every seed, is below any logarithmic axis
        _logarithmic(axes, "y")
        axes.set_ylim(positive.min() / 1.15, positive.max() * 1.15)
    _evaluations(axes, int(values["budget"].max()))


def _evaluations(axes: "Axes", budget: int) -> None:
    _logarithmic(axes, "x")
    axes.set_xlim(1, max(budget, 2))
    axes.set_xlabel("evaluations")
    axes.grid(axis="y")


def _logarithmic(axes: "Axes", which: str) -> None:
    """Plain numbers instead of powers; 2 and 5 between powers of ten where there is room."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(_Decades(axes, which))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


class _Decades(LogLocator):
    """1, 2 and 5 of each power of ten, or the powers alone where labels would touch."""

    def __init__(self, axes: "Axes", which: str) -> None:
        super().__init__(10, (1, 2, 5), numticks=30)
        self._axes, self._which = axes, which

    def tick_values(self, vmin: float, vmax: float) -> Any:
        box = self._axes.get_window_extent()
        room = (box.width / 30 if self._which == "x" else box.height / 14) * 72 / self._axes.figure.dpi  # labels
        decades = abs(np.log10(vmax / vmin))
        self.set_params(subs=(1, 2, 5) if 3 * decades <= room else (1,), numticks=30 if decades <= room else 6)
        return super().tick_values(vmin, vmax)


def _name_lines(figure: Figure, axes: "Axes", strategies: Sequence[str], *, at: int = -1) -> None:
    """Names at the ends of the lines; the axes give way to the longest."""
    names = (KEY[2] + _text_width(strategies)) / 72 / COLUMN
    axes.set_position((0.165, 0.16, max(0.25, 0.82 - names), 0.81))
    label_ends(axes, axes.get_lines()[: len(strategies)], strategies, at=at)


def _text_width(texts: Sequence[str]) -> float:
    """About how wide the longest is, in points."""
    return 0.57 * (_SIZE - 0.5) * max(map(len, texts), default=0)


def _ruler(axes: "Axes", k: int, cd: float) -> None:
    """The axis of ranks, and above it the critical difference, where there is one that fits."""
    ink: dict[str, Any] = {"color": LIGHT["ink"], "lw": 0.8, "solid_capstyle": "butt"}
    axes.plot([1, k], [0, 0], **ink)
    for rank in range(1, k + 1):
        axes.plot([rank, rank], [0, 0.12], **ink)
        if k < 10 or rank % 2:
            axes.text(rank, 0.2, str(rank), ha="center", va="bottom", size=_SIZE - 0.5)
    if np.isfinite(cd):
        low, high = axes.get_xlim()
        text, fits = f"  CD {cd:.2f}", 1 + cd <= high
        if fits:
            axes.plot([1, 1, 1, 1 + cd, 1 + cd, 1 + cd], [0.8, 1.0, 0.9, 0.9, 1.0, 0.8], **ink)
        width = _text_width([text]) / 72 / COLUMN * (high - low)  # of the text, in ranks
        if fits and 1 + cd + width > high:  # no room behind the line, but before it, where the names stand
            axes.text(1, 0.9, f"CD {cd:.2f}  ", ha="right", va="center", size=_SIZE - 0.5)
        else:
            axes.text(1 + cd if fits else 1, 0.9, text, va="center", size=_SIZE - 0.5)


def _levels(test: RankTest) -> list[int]:
    """Rows for the bars of a diagram, so that none overlaps another."""
    ends: list[float] = []
    levels: list[int] = []
    for group in test.groups:
        begin, end = float(test.ranks[group[0]]), float(test.ranks[group[-1]])
        level = next((i for i, last in enumerate(ends) if last < begin), len(ends))
        ends[level : level + 1] = [end]
        levels.append(level)
    return levels
