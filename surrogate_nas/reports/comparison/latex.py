"""Tables for papers: LaTeX with booktabs, the best of each column bold, 95 % intervals beneath or beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from surrogate_nas.experiments.statistics import Runs, read_runs, regret_by_task, summary
from surrogate_nas.reports.document import make_folder, write_page

if TYPE_CHECKING:
    import pandas as pd

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip

#: Significant digits of numbers: intervals are rarely narrower.
DIGITS = 3


def latex_escape(text: str) -> str:
    """Text as it stands in LaTeX; line breaks become blanks."""
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def latex_summary(frame: "pd.DataFrame | Runs", tasks: "pd.DataFrame", *, budget: int | None = None) -> str:
    r"""One row per strategy, over all tasks: average rank, regret, area, share that hit the target, evaluations to it.

    Args:
        frame: The tidy frame of a comparison, or what ``read_runs`` made of it.
        tasks: Indexed by task, with best and target.
        budget: After how many evaluations; None takes all.

    Returns:
        A ``tabular`` that needs ``\usepackage{booktabs}``; intervals in brackets, the best bold.
    """
    found = summary(frame, tasks, budget=budget)
    columns = {"Rank": found["rank"], "Regret": found["regret"], "Area": found["area"]}
    columns |= {"Hit": found["reached"], "Evaluations": found["evaluations"]}
    better = {"Hit": "max"}
    intervals = {"Regret": "regret", "Area": "area", "Hit": "reached", "Evaluations": "evaluations"}
    cells = {}
    for title, values in columns.items():
        if values.isna().all():
            continue
        best = values.max() if better.get(title) == "max" else values.min()
        texts = [_bold(_number(value), value == best) for value in values]
        if title in intervals:
            ends = found[[f"{intervals[title]}_low", f"{intervals[title]}_high"]].to_numpy()
            texts = [f"{text} {_interval(*end)}".rstrip() for text, end in zip(texts, ends, strict=True)]
        cells[title] = texts
    rows = [[latex_escape(str(name)), *line] for name, *line in zip(found.index, *cells.values(), strict=True)]
    return _tabular(["Strategy", *cells], rows)


def latex_regret_by_task(
    frame: "pd.DataFrame | Runs", tasks: "pd.DataFrame", *, budget: int | None = None, digits: int = DIGITS
) -> str:
    """One row per strategy, one column per task: mean regret with half the width of its interval, in the task's unit.

    Args:
        frame: As in :func:`latex_summary`.
        tasks: Indexed by task, with unit.
        budget: After how many evaluations; None takes all.
        digits: Significant digits.
    """
    runs = read_runs(frame)
    values = regret_by_task(runs, [runs.at(budget) + 1])
    means = values.pivot_table(index="strategy", columns="task", values="mean", sort=False, dropna=False)
    half = ((values["high"] - values["low"]) / 2).to_numpy()
    halves = dict(zip(zip(values["strategy"], values["task"], strict=True), half, strict=True))
    best = means.min()
    rows = []
    for strategy in runs.strategies:
        row = [latex_escape(strategy)]
        for task in runs.tasks:
            mean = float(means.loc[strategy, task])  # type: ignore[arg-type]
            error = halves[strategy, task]
            text = _bold(_number(mean, digits), mean == best[task])
            row.append(text + (f" $\\pm$ {_number(error, 2)}" if np.isfinite(error) else ""))
        rows.append(row)
    units = [str(tasks.loc[task, "unit"]) if task in tasks.index else "" for task in runs.tasks]
    named = [
        f"{task} ({unit})" if unit not in ("", "1") else task for task, unit in zip(runs.tasks, units, strict=True)
    ]
    return _tabular(["Strategy", *map(latex_escape, named)], rows)


def write_comparison_tables(
    frame: "pd.DataFrame", tasks: "pd.DataFrame", folder: str | Path, *, budget: int | None = None
) -> list[Path]:
    r"""Write ``summary.tex`` and ``regret_by_task.tex`` into a folder, to be taken in by ``\input``.

    Args:
        frame: The tidy frame of a comparison.
        tasks: Indexed by task: unit, best and target.
        folder: Where to; made if needed.
        budget: After how many evaluations; None takes all.

    Raises:
        InvalidInputError: The frame is not as it should be, or a file cannot be written.
    """
    runs = read_runs(frame)
    make_folder(folder)
    return [
        write_page(Path(folder) / "summary.tex", latex_summary(runs, tasks, budget=budget)),
        write_page(Path(folder) / "regret_by_task.tex", latex_regret_by_task(runs, tasks, budget=budget)),
    ]


def _tabular(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" & ".join(row) + r" \\" for row in rows]
    begin = f"\\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}"
    head = " & ".join(titles) + r" \\"
    return "\n".join([begin, r"\toprule", head, r"\midrule", *lines, r"\bottomrule", r"\end{tabular}", ""])


def _number(value: float, digits: int = DIGITS) -> str:
    """Three significant digits, never as 1e-05 in print."""
    if not np.isfinite(value):
        return "--"
    if value == 0:
        return "0"
    after = max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{min(after, 8)}f}"


def _bold(text: str, best: bool) -> str:
    return f"\\textbf{{{text}}}" if best else text


def _interval(low: float, high: float) -> str:
    return f"[{_number(low)}, {_number(high)}]" if np.isfinite(low) and np.isfinite(high) else ""
