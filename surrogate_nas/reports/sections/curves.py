"""Validation accuracy by epoch, one panel per kind of network."""

from surrogate_nas.reports import figures, findings
from surrogate_nas.reports.markup import Html, glyph, paragraph, tag
from surrogate_nas.reports.palette import MARKS
from surrogate_nas.reports.run import Run
from surrogate_nas.reports.scales import curve_limits


def curves(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    frame = findings.curves(run)
    if not len(frame):
        return [paragraph("No training of a confirmed network has a learning curve.")]
    low, high, below = curve_limits(frame)
    panels = []
    for kind, mark in MARKS.items():
        part = frame[frame["kind"] == kind]
        if len(part):
            thick = part.loc[part["thick"], "label"].unique().tolist()
            caption = tag("figcaption", glyph(kind), " ", mark.words, f"; thick: {thick[0]}" if thick else "")
            plot = tag("div", Html(figures.curves(part, kind, (low, high))), class_="plot")
            panels.append(tag("figure", caption, plot))
    note = (
        "Mean over the fresh seeds. Thick, with a band of one standard deviation: the answer of the arm, or the best "
        "validated hand-made network. Each training keeps the weights of its own best validation epoch, so the scores "
        "above can be higher than the end of a curve."
    )
    below_frame = f" Below the frame: {'; '.join(below)}." if below else ""
    return [tag("div", *panels, class_="panels"), paragraph(note + below_frame, class_="note")]
