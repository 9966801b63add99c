"""The best predicted of the whole space, with how sure each prediction is."""

import math

from surrogate_nas.experiments.trainings import MAX_CANDIDATES
from surrogate_nas.reports import figures, findings
from surrogate_nas.reports.markup import Html, code, cross, figure, glyph, html, legend, paragraph, table
from surrogate_nas.reports.numbers import count, percent
from surrogate_nas.reports.run import Run

#: Architectures of the ranking that the page shows; the file has more.
TOP = 15


def ranking(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    frame = findings.ranking(run, TOP)
    marks = [(glyph("guided"), "predicted, never trained by the guided arm")]
    if frame["found"].notna().any():
        marks.append((glyph("guided", filled=False), "predicted, with one training of it known"))
    if frame[["found", "val"]].notna().any(axis=None):
        marks.append((cross(), "measured: mean over fresh seeds, else that one training"))
    caption = html(
        legend(*marks),
        paragraph(
            f"{_ranked(run.space_size)} were ranked after the last training; these are the first "
            f"{len(frame)}. Bars: one standard deviation of the prediction."
        ),
        paragraph(_settled(findings.tied_with_first(run), len(run.ranking))),
    )
    rows = [
        (
            row.rank,
            percent(row.mean, row.std),
            percent(row.found) if math.isfinite(row.found) else "–",
            percent(row.val, row.val_std) if math.isfinite(row.val) else "–",
            code(row.architecture),
        )
        for row in findings.rows(frame)
    ]
    headers = ("rank", "predicted", "one training", "fresh seeds", "architecture")
    listed = f"Validation score. The first {len(run.ranking)} are in "
    return [
        figure(figures.ranking(frame), caption),
        table(headers, rows, left=(4,), label="The ranking"),
        paragraph(listed, code("ranking.csv"), ".", class_="note"),
    ]


def _ranked(size: int) -> str:
    if size <= MAX_CANDIDATES:
        return f"All {count(size, 'architecture')}"
    return f"A random sample of {MAX_CANDIDATES:,} of {count(size, 'architecture')}"


def _settled(tied: int, listed: int) -> str:
    if tied == 1:
        return (
            f"No other of the {listed} that were written down is predicted within one standard deviation of the first."
        )
    which = f"All {listed} that were written down are" if tied == listed else f"The first {tied} of {listed} are"
    return f"{which} predicted within one standard deviation of the first: their order is not settled."
