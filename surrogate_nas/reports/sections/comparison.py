"""Finalists of both arms and hand-made networks, in a figure and a table."""

from typing import Any

from surrogate_nas.reports import figures, findings
from surrogate_nas.reports.markup import Html, badge, code, figure, glyph, html, legend, paragraph, table, tag
from surrogate_nas.reports.numbers import count, percent
from surrogate_nas.reports.palette import MARKS
from surrogate_nas.reports.run import Run


def comparison(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    frame = findings.networks(run)
    shared = "A network that two arms share stands once for each of them."
    caption = html(
        legend(*((glyph(kind), mark.words) for kind, mark in MARKS.items() if (frame["kind"] == kind).any())),
        paragraph(
            "Hollow: validation, on which choices are made. Filled: test, looked at afterwards. Bars: one standard "
            f"deviation over {count(run.budget.seeds, 'fresh training seed')}. Bold on a tinted line: the answer of an "
            "arm."
        ),
        paragraph(shared) if frame["architecture"].duplicated().any() else "",
    )
    headers = ("network", "predicted", "validation", "test", "seeds", "architecture")
    return [
        figure(figures.comparison(frame), caption),
        table(
            headers,
            [_cells(row, run.budget.seeds) for row in findings.rows(frame)],
            left=(0, 5),
            label="Every confirmed network",
            classes=["answer" if row.answer else None for row in findings.rows(frame)],
        ),
        paragraph(
            "Sorted by mean validation score, which is also what was predicted. ± is a standard deviation: of the "
            "prediction, or over seeds.",
            class_="note",
        ),
        *_failed(run),
    ]


def _cells(row: Any, seeds: int) -> tuple[object, ...]:
    return (
        html(glyph(row.kind), " ", row.label, " ", badge("answer") if row.answer else ""),
        percent(row.predicted, row.predicted_std),
        percent(row.val, row.val_std),
        percent(row.test, row.test_std),
        f"{row.seeds} of {seeds}",
        code(row.architecture),
    )


def _failed(run: Run) -> list[Html]:
    failed, total = findings.failures(run), len(run.trainings)
    if not failed:
        return [paragraph(f"None of the {count(total, 'training')} of this run failed.", class_="note")]
    rows = [(code(result.architecture), result.seed, result.reason) for result in failed]
    return [
        tag("h3", f"Failed: {count(len(failed), 'training')} of {total:,}"),
        paragraph("A failed training gives no score; means are over those that succeeded."),
        table(("architecture", "seed", "reason"), rows, left=(0, 2), label="Failed trainings"),
    ]
