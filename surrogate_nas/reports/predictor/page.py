"""Write the page of a predictor: its numbers, put into sections, put into one HTML file that needs nothing else."""

from pathlib import Path

import numpy.typing as npt

from surrogate_nas.predictors import BasePredictor
from surrogate_nas.predictors.explaining.held_out import LeftOut
from surrogate_nas.predictors.explaining.space import SpaceExplanation
from surrogate_nas.reports.document import document, write_page
from surrogate_nas.reports.predictor import sections
from surrogate_nas.reports.predictor.findings import PredictorFindings, find

#: Name in links, heading, and what writes it, in the order of the page.
SECTIONS = (
    ("data", "What it was fitted to", sections.fitted_on),
    ("quality", "How good it is", sections.how_good),
    ("intervals", "How sure it is", sections.how_sure),
    ("learned", "What it has learned", sections.learned),
    ("best", "The best predicted", sections.best),
    ("reproduce", "How to repeat it", sections.reproduce),
)

#: Sections that say nothing without measurements.
MEASURED = {"quality", "intervals"}


def write_predictor_report(
    predictor: BasePredictor,
    path: str | Path,
    X: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    extra: npt.ArrayLike | None = None,
    title: str = "",
    unit: str = "",
    random_state: int = 0,
    left_out: LeftOut | None = None,
    learned: SpaceExplanation | None = None,
) -> Path:
    """Write one page on a fitted predictor: how good it is, what it has learned, what it likes best.

    The page is one file: no network, no script. The same arguments give the same page.

    Args:
        predictor: A predictor of architectures, fitted to X and y.
        path: HTML file to write.
        X: The measured rows, shape (n, d); None where they are not at hand: the page then says nothing of how good the
            predictor is.
        y: Their scores, shape (n,).
        extra: Their side features, if the predictor was fitted with some.
        title: Heading of the page; the space's name where it is empty.
        unit: Unit of the scores: "%", "ms" ...; "1" or "" for plain numbers.
        random_state: Seed of the division into parts for cross-validation.
        left_out: What ``leave_out`` gave for X, y and this seed, where it is at hand already: it need not be repeated.
        learned: What ``explain`` gave for the space, likewise.

    Returns:
        Where the page is.

    Raises:
        InvalidInputError: The predictor is not fitted or has no space, arrays do not fit together, or the page cannot
            be written.
    """
    found = find(predictor, X, y, extra=extra, unit=unit, random_state=random_state, left_out=left_out, learned=learned)
    return write_page(Path(path), render(found, title or f"A predictor for {found.space.name}"))


def render(found: PredictorFindings, title: str) -> str:
    """The whole page as text; the same numbers give the same text.

    Args:
        found: The numbers.
        title: Heading of the page.
    """
    return document(
        f"{title}: surrogate_nas report",
        sections.headline(found, title),
        [(anchor, name, write(found)) for anchor, name, write in SECTIONS if len(found.y) or anchor not in MEASURED],
        "Everything on this page comes from the predictor and the measurements it was fitted to.",
    )
