"""Seconds per arm and per step."""

from surrogate_nas.reports import findings
from surrogate_nas.reports.markup import Html, bar, glyph, html, paragraph, table, tag
from surrogate_nas.reports.numbers import count, seconds
from surrogate_nas.reports.palette import MARKS
from surrogate_nas.reports.run import Run

#: Step of the main job -> what it does.
_STEPS = {
    "learn": "learn across the earlier tasks",
    "train": "train, adapt, propose and confirm, both arms",
    "rank": "rank the whole space",
    "hand-made": "train the hand-made networks",
}


def costs(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    arms = [
        (
            html(glyph(row.kind), " ", MARKS[row.kind].words),
            *(f"{n:,}" if n else "–" for n in (row.search, row.confirm, row.total)),
            *(seconds(s) if s else "–" for s in (row.search_s, row.confirm_s, row.total_s)),
        )
        for row in findings.rows(findings.arm_costs(run))
    ]
    headers = ("arm", "search", "confirmation", "trainings in all", "search time", "confirmation time", "time in all")
    longest = max(run.seconds.values(), default=0.0)
    steps = [(_STEPS.get(step, step), seconds(s), bar(s, longest)) for step, s in run.seconds.items()]
    together = seconds(findings.training_seconds(run))
    return [
        table(headers, arms, label="Cost per arm"),
        paragraph(
            "Each arm is charged for what it shares with the other, as if it had run alone. Times are sums over "
            "trainings, whether or not several ran at once.",
            class_="note",
        ),
        tag("h3", "Wall time per step"),
        table(("step", "time", ""), steps, left=(0, 2), label="Wall time per step"),
        paragraph(
            "Of the process that finished the run: trainings that an interrupted one before it had finished cost it "
            f"nothing. The log holds {count(len(run.trainings), 'training')}, {together} of training in all.",
            class_="note",
        ),
    ]
