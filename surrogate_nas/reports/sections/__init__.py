"""The sections of the page, one file each: from a run to what stands under one heading."""

from collections.abc import Callable
from typing import NamedTuple

from surrogate_nas.reports.markup import Html
from surrogate_nas.reports.run import Run
from surrogate_nas.reports.sections.agreement import agreement
from surrogate_nas.reports.sections.comparison import comparison
from surrogate_nas.reports.sections.costs import costs
from surrogate_nas.reports.sections.curves import curves
from surrogate_nas.reports.sections.drawings import drawings
from surrogate_nas.reports.sections.method import method
from surrogate_nas.reports.sections.progress import progress
from surrogate_nas.reports.sections.ranking import ranking
from surrogate_nas.reports.sections.reproduce import reproduce


class Section(NamedTuple):
    """One section of the page.

    Attributes:
        anchor: Its name in links.
        title: Its heading.
        write: Makes what stands under the heading.
    """

    anchor: str
    title: str
    write: Callable[[Run], list[Html]]


#: In the order of the page.
SECTIONS = (
    Section("comparison", "Every confirmed network", comparison),
    Section("method", "What was done, on which data", method),
    Section("ranking", "The ranking, with its uncertainty", ranking),
    Section("agreement", "Predicted against confirmed", agreement),
    Section("progress", "Best so far, training by training", progress),
    Section("drawings", "What the networks look like", drawings),
    Section("curves", "Learning curves", curves),
    Section("costs", "What it cost", costs),
    Section("reproduce", "How to repeat it", reproduce),
)

__all__ = ["SECTIONS", "Section"]
