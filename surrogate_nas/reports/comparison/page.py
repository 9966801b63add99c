"""The page of a comparison: filters by task and strategy, and everything drawn and computed again in the browser."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import MissingExtraError
from surrogate_nas.experiments.statistics import Runs, read_runs
from surrogate_nas.reports.comparison import sections
from surrogate_nas.reports.comparison.payload import json_in_html, payload
from surrogate_nas.reports.document import document, write_page

if TYPE_CHECKING:
    import pandas as pd

#: Name in links, heading, and what writes it, in the order of the page.
SECTIONS = (
    ("overview", "Every strategy in one row", sections.overview),
    ("curves", "Regret along the way", sections.curves),
    ("targets", "How soon the target is hit", sections.targets),
    ("ranks", "Average ranks", sections.ranks),
    ("tasks", "Each task by itself", sections.by_task),
    ("pairs", "Each strategy against each other", sections.pairs),
    ("method", "How the numbers were computed", sections.method),
)


def write_comparison_report(
    frame: "pd.DataFrame",
    tasks: "pd.DataFrame",
    path: str | Path,
    *,
    title: str = "",
    failures: "pd.DataFrame | None" = None,
) -> Path:
    """Write one page on a comparison: choose tasks, strategies and a budget, and see ranks, regrets and curves.

    The page is one file of some five megabytes, most of them plotly: it works offline and asks the network for nothing.
    The same arguments give the same page.

    Args:
        frame: The tidy frame of a comparison.
        tasks: Indexed by task: metric, split, unit, direction, best, target.
        path: HTML file to write.
        title: Heading of the page; numbers of strategies and tasks where it is empty.
        failures: Runs that ended in an error: strategy, task, seed, message.

    Returns:
        Where the page is.

    Raises:
        InvalidInputError: The frame is not as it should be, or the page cannot be written.
        MissingExtraError: plotly or scikit-posthocs is not installed.
    """
    return write_page(Path(path), render(frame, tasks, title=title, failures=failures))


def render(
    frame: "pd.DataFrame", tasks: "pd.DataFrame", *, title: str = "", failures: "pd.DataFrame | None" = None
) -> str:
    """The whole page as text; see :func:`write_comparison_report`."""
    splits = _splits(frame, tasks)
    own = next(iter(splits.values()))
    findings = sections.Findings(own, tasks, failures, title or sections.heading(own))
    here = files("surrogate_nas.reports.comparison")
    script = "\n".join((here / name).read_text(encoding="utf-8") for name in ("stats.js", "view.js"))
    return document(
        f"{findings.title}: surrogate_nas report",
        sections.header(findings),
        [(anchor, name, write(findings)) for anchor, name, write in SECTIONS],
        "Everything on this page comes from the comparison's own evaluations.",
        style=(here / "page.css").read_text(encoding="utf-8"),
        data=json_in_html(payload(splits, tasks)),
        scripts=(_plotly(), f"(() => {{\n'use strict';\n{script}}})();"),
    )


def _splits(frame: "pd.DataFrame", tasks: "pd.DataFrame") -> dict[str, Runs]:
    """Runs on the split that was searched on, and on the test split where there is one."""
    own = read_runs(frame)
    named = {str(tasks.loc[task, "split"]) for task in own.tasks if task in tasks.index} if "split" in tasks else set()
    words = " and ".join(sorted(named - {""})) or "the score searched on"
    splits = {words: own}
    if "test_regret" in frame and np.isfinite(frame["test_regret"].to_numpy(dtype=np.float64, na_value=np.nan)).any():
        splits["test"] = read_runs(frame, column="test_regret")
    return splits


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingExtraError.of("plotly", "plots", "the report of a comparison") from None
    text = str(get_plotlyjs()).replace("\r", "")  # the browser drops them before it compares the script with its sum
    if "</script" in text.lower() or "<!--" in text:
        raise InvalidInputError("plotly: expected a script that can stand in a page, got one that ends its element")
    return text
