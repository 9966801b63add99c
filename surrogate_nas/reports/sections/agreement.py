"""Does the order of predictions survive real training?"""

import math

from surrogate_nas.reports import figures, findings
from surrogate_nas.reports.findings import Agreement
from surrogate_nas.reports.markup import Html, figure, glyph, html, legend, paragraph
from surrogate_nas.reports.numbers import count, percent
from surrogate_nas.reports.palette import MARKS
from surrogate_nas.reports.run import Run
from surrogate_nas.reports.scales import fence


def agreement(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    frame = findings.distinct(findings.networks(run))
    found = findings.agreement(run)
    floor = fence(frame[["predicted", "val"]])
    outside = [
        f"{row.label} (predicted {percent(row.predicted)}, confirmed {percent(row.val)})"
        for row in findings.rows(frame)
        if min(row.predicted, row.val) < floor
    ]
    caption = html(
        legend(*((glyph(kind), mark.words) for kind, mark in MARKS.items() if (frame["kind"] == kind).any())),
        paragraph(_correlation(found)),
        paragraph(_seen(found)) if found.n > found.n_unseen else "",
        paragraph(
            "On the dotted diagonal a prediction is exact; above it, a network does better than predicted. Bars: one "
            "standard deviation, of the prediction and over seeds; long ones are cut off at the frame."
        ),
        paragraph(f"▾ outside the frame: {'; '.join(outside)}.") if outside else "",
    )
    return [figure(figures.agreement(frame), caption)]


def _correlation(found: Agreement) -> str:
    if not math.isfinite(found.tau):
        return f"{count(found.n, 'network')}: too few to say anything about the order."
    return (
        f"Rank correlation over n = {found.n} distinct networks: Kendall's tau {found.tau:.2f}, Spearman's rho "
        f"{found.rho:.2f} (1: the same order, 0: no relation). With so few networks these are rough numbers."
    )


def _seen(found: Agreement) -> str:
    seen = count(found.n - found.n_unseen, "network")
    words = f"Hollow: {seen} of which the predictor knew one training, with another seed; they are no test of it."
    if math.isfinite(found.tau_unseen):
        words += f" Over the other {found.n_unseen} alone, Kendall's tau is {found.tau_unseen:.2f}."
    return words
