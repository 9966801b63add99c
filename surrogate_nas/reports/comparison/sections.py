"""The sections of a comparison's page: words, and the places that its script fills."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate_nas.experiments.statistics import Runs, average_ranks, pairwise_wilcoxon, summary
from surrogate_nas.experiments.statistics.bootstrap import RESAMPLES
from surrogate_nas.reports.markup import Html, code, facts, html, paragraph, table, tag
from surrogate_nas.reports.numbers import NBSP, count, joined

if TYPE_CHECKING:
    import pandas as pd

#: Missing runs and failures that are listed one by one; the rest is counted.
LISTED = 40


@dataclass(frozen=True)
class Findings:
    """What the page is about.

    Attributes:
        runs: On the split that was searched on.
        tasks: Indexed by task.
        failures: Runs that ended in an error, if that is known.
        title: Heading.
    """

    runs: Runs
    tasks: "pd.DataFrame"
    failures: "pd.DataFrame | None"
    title: str

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row per strategy, over all tasks and the whole budget."""
        return summary(self.runs, self.tasks)


def heading(runs: Runs) -> str:
    """What was compared, in a few words."""
    return f"{count(len(runs.strategies), 'strategy', 'strategies')} on {count(len(runs.tasks), 'task')}"


def header(found: Findings) -> Html:
    """The answer over all tasks, then the filters."""
    runs, all_rows = found.runs, found.summary
    test = average_ranks(runs)
    first = str(all_rows.index[0])
    words: list[object] = [
        f"{count(len(runs.seeds), 'seed')} each, {count(runs.budget, 'evaluation')} per run. Over all tasks, ",
        tag("strong", first),
        f" ranks best, {all_rows['rank'].iloc[0]:.2f} on average",
    ]
    tied = [name for name in next((g for g in test.groups if first in g), []) if name != first]
    words.append(
        f"; it does not differ significantly from {joined(tied)}." if tied and len(runs.strategies) > 1 else "."
    )
    tiles = [_tile("Best average rank", first, f"{all_rows['rank'].iloc[0]:.2f} of {len(runs.strategies)}")]
    best = str(all_rows["regret"].idxmin())
    row = all_rows.loc[best]
    tiles.append(_tile("Lowest normalised regret", best, _with_interval(row, "regret", 3)))
    if all_rows["evaluations"].notna().any():
        soonest = str(all_rows["evaluations"].idxmin())
        row = all_rows.loc[soonest]
        notes = f"{_with_interval(row, 'evaluations', 1)}; {row['reached']:.0%} of its runs hit the target"
        tiles.append(_tile("Fewest evaluations to the target", soonest, notes))
    return html(
        paragraph("surrogate_nas · comparison of search strategies", class_="eyebrow"),
        tag("h1", found.title),
        paragraph(*words, class_="lede"),
        tag("div", *tiles, class_="tiles"),
        _note("These hold for all tasks, strategies and evaluations. All below follows what is chosen here."),
        _filters(),
    )  # fmt: skip


def overview(found: Findings) -> list[Html]:
    """The table that the script fills; without scripts, the one over all tasks."""
    return [
        tag("noscript", _static(found)),
        paragraph("Choose at least one strategy, and a task on which it has a run.", id="nothing", hidden="hidden"),
        _live(
            paragraph("", id="shown", aria_live="polite"),
            _place("summary", "Every strategy in one row", "scroll"),
            _note(
                "Lower is better but for the target; the best is bold. Normalised regret: 1 is about what one random "
                "architecture lacks, 0 is the best known; one task alone is shown in its own unit. Area: the mean over "
                "all evaluations up to the budget. A run that did not hit its target counts as budget + 1 evaluation, "
                "so that ≥ marks a lower bound."
            ),
        ),
    ]


def curves(found: Findings) -> list[Html]:
    """Regret against evaluations."""
    return [
        _live(
            _place("curves-plot", "Mean regret against evaluations", "chart"),
            _note(
                "Mean over seeds, then over the chosen tasks. Bands: 95 % intervals of that mean, for other tasks and "
                "seeds of the kind. Click a name to hide its line, twice to see it alone."
            ),
        )
    ]


def targets(found: Findings) -> list[Html]:
    """Share of runs that hit the target."""
    return [
        _live(
            _place("targets-plot", "Share of runs that hit the target against evaluations", "chart"),
            _note("By default the target is the score of the best 0.1 % of all architectures known on a task."),
        )
    ]


def ranks(found: Findings) -> list[Html]:
    """The critical-difference diagram."""
    return [
        _live(
            _place("ranks-plot", "Critical-difference diagram"),
            paragraph("", id="ranks-words"),
            _note(
                "Ranks by mean regret after the chosen budget, within each task. Strategies joined by a bar do not "
                "differ significantly at 5 % (Nemenyi's test); few tasks can show little, however many the seeds."
            ),
        )
    ]


def by_task(found: Findings) -> list[Html]:
    """Mean regret per task."""
    return [
        _live(
            _place("tasks-table", "Mean regret on each task", "scroll"),
            _note("Mean regret over seeds in the task's own unit; the stronger the colour, the better the rank there."),
        )
    ]


def pairs(found: Findings) -> list[Html]:
    """Probability of improvement, and the signed-rank tests."""
    parts = [
        _live(
            _place("pairs-table", "Probability of improvement", "scroll"),
            _note("How often a run of the row's strategy ends better than one of the column's on the same task."),
        )
    ]
    tests = pairwise_wilcoxon(found.runs)
    if len(tests):
        rows = [
            (t["first"], t["second"], f"{t['difference']:+.4f}".replace("-", "−"), _p(t["p"]), _p(t["p_holm"]))
            for t in tests.sort_values("p", kind="stable").to_dict("records")
        ]
        titles = ["first", "second", "median difference", "p", "p, Holm"]
        label = "Signed-rank tests of all pairs"
        parts.append(tag("details", tag("summary", f"{label}, over all tasks and evaluations"), table(
            titles, rows, left=(0, 1), label=label), _note(
                "Wilcoxon's test on the mean normalised regrets of the tasks; a negative difference favours the first. "
                "Holm's method corrects for the number of pairs.")))  # fmt: skip
    return parts


def method(found: Findings) -> list[Html]:
    """How each number was computed, on what, and what is missing."""
    runs = found.runs
    words = [
        "Regret after n evaluations is the best score known on a task minus that of the incumbent, the best "
        "architecture found so far by the score that was searched on; test regret is what the same incumbent lacks "
        "on test data. A run without any success so far counts with the largest regret seen on the task, one that "
        "ended early with its last.",
        "The tasks are the blocks: seeds are averaged first, then tasks. Before regrets of several tasks are "
        "averaged, each is divided by the task's mean regret after one evaluation (the median over strategies), "
        "about what one random architecture lacks; that unit stays the same whatever is chosen above. Only tasks "
        "on which every chosen strategy has a run are averaged over and ranked.",
        f"Intervals are 95 % percentile bootstraps of {RESAMPLES:,} draws: tasks with replacement, then seeds "
        "within each, the same for all strategies; for one task they tell of its seeds alone. The bands of the "
        "curves draw tasks, and for the chance in seeds a normal error with the standard error of the mean. The "
        "headline draws apart from the tables, and may differ from them in the last digit of an interval.",
        "Average ranks, Friedman's test with correction for ties and Nemenyi's critical difference q √(k (k + 1) / "
        "6 n) for k strategies on n tasks are as in Demšar (2006, JMLR 7); the probability of improvement as in "
        "Agarwal et al. (2021, NeurIPS). Evaluations until the target treat runs that missed it as said in the "
        "table.",
    ]
    targets = [
        (task, f"{row['best']:g} best, {row['target']:g} target" + _kind(row))
        for task, row in found.tasks.iterrows()
        if task in runs.tasks
    ]
    shape = [
        ("Strategies", len(runs.strategies)),
        ("Tasks", len(runs.tasks)),
        ("Seeds", f"{len(runs.seeds)} ({min(runs.seeds)} to {max(runs.seeds)})"),
        ("Evaluations per run", f"{runs.budget:,}"),
        ("Runs", f"{int((runs.length > 0).sum()):,} of {runs.length.size:,}"),
    ]
    columns = tag("div", tag("div", tag("h3", "Size"), facts(shape)), tag("div", tag("h3", "Scores"), facts(targets)),
                  class_="columns")  # fmt: skip
    return [*map(_note, words), columns, *_missing(found)]


def _missing(found: Findings) -> list[Html]:
    runs = found.runs
    lacking = np.argwhere(runs.length == 0)
    short = int(((runs.length > 0) & (runs.length < runs.budget)).sum())
    parts = [tag("h3", "What is missing")]
    if found.failures is not None and len(found.failures):
        rows = found.failures[["strategy", "task", "seed", "message"]].head(LISTED).itertuples(index=False)
        label = f"{count(len(found.failures), 'run')} ended in an error"
        parts += [
            paragraph(f"{label}."),
            table(["strategy", "task", "seed", "message"], map(tuple, rows), left=(0, 1, 3), label=label),
        ]
    elif len(lacking):
        names = [f"{runs.strategies[s]}/{runs.tasks[t]}/{runs.seeds[r]}" for s, t, r in lacking[:LISTED]]
        rest = len(lacking) - len(names)
        more = f" and {rest} more" if rest else ""
        parts.append(paragraph(f"{count(len(lacking), 'run')} missing: ", code(", ".join(names)), f"{more}."))
    else:
        parts.append(paragraph("Nothing: every strategy has a run on every task from every seed."))
    if short:
        parts.append(
            paragraph(f"{count(short, 'run')} ended before the budget was spent; the last incumbent counts on.")
        )
    return parts


def _static(found: Findings) -> Html:
    rows = [
        (name, f"{row['rank']:.2f}", f"{row['regret']:.3f}", f"{row['area']:.3f}", f"{row['evaluations']:.1f}")
        for name, row in found.summary.iterrows()
    ]
    titles = ["strategy", "average rank", "normalised regret", "area", "evaluations to the target"]
    return html(paragraph("Filters and figures need scripts; this table holds for all tasks."),
                table(titles, rows, label="All strategies"))  # fmt: skip


def _filters() -> Html:
    def group(kind: str, title: str, single: str) -> Html:
        buttons = [
            tag("button", word, type="button", data_all=single, data_to=to) for word, to in (("all", 1), ("none", 0))
        ]
        return tag("fieldset", tag("legend", f"{title} ", *buttons), tag("div", class_="chips", id=f"{kind}-filter"))

    axis = tag("select", tag("option", "logarithmic", value="log"), tag("option", "linear", value="linear"), id="axis")
    bands = _checked("bands", "intervals in curves")
    choices = [
        tag("label", "after evaluations ", tag("select", id="budget")),
        tag("label", "scores ", tag("select", id="split")),
        tag("label", "evaluations axis ", axis),
        bands,
    ]
    return tag("form", group("tasks", "Tasks", "task"), group("strategies", "Strategies", "strategy"),
               tag("div", *choices, class_="choices"), class_="filters", autocomplete="off")  # fmt: skip


def _checked(name: str, words: str) -> Html:
    return tag("label", Html(f'<input type="checkbox" id="{name}" checked>'), words)


def _live(*children: object) -> Html:
    return tag("div", *children, class_="live")


def _place(name: str, label: str, class_: str | None = None) -> Html:
    scrolls = {"role": "region", "tabindex": 0} if class_ == "scroll" else {}
    return tag("div", id=name, class_=class_, aria_label=label, **scrolls)


def _note(text: str) -> Html:
    return paragraph(text.replace(" %", f"{NBSP}%"), class_="note")


def _tile(title: str, name: object, note: str) -> Html:
    return tag("div", paragraph(title, class_="name"), paragraph(name, class_="big"), paragraph(note), class_="tile")


def _with_interval(row: Any, name: str, digits: int) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    interval = f" (95 % interval {low:.{digits}f} to {high:.{digits}f})" if np.isfinite(low) else ""
    return f"{row[name]:.{digits}f}{interval}"


def _kind(row: Any) -> str:
    words = [str(row[name]) for name in ("metric", "split") if name in row and str(row[name])]
    return f" ({', '.join(words)})" if words else ""


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
