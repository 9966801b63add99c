"""Reports: the numbers of a run, a predictor or a comparison, and one self-contained HTML page made of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate_nas.reports.comparison.figures import write_comparison_figures
    from surrogate_nas.reports.comparison.latex import write_comparison_tables
    from surrogate_nas.reports.comparison.page import write_comparison_report
    from surrogate_nas.reports.page import write_report
    from surrogate_nas.reports.predictor.page import write_predictor_report
    from surrogate_nas.reports.run import Run, read_run

#: Where each public name lives; on first use, because figures bring matplotlib.
_HOMES = {
    "Run": "run",
    "read_run": "run",
    "write_comparison_figures": "comparison.figures",
    "write_comparison_report": "comparison.page",
    "write_comparison_tables": "comparison.latex",
    "write_predictor_report": "predictor.page",
    "write_report": "page",
}

__all__ = [
    "Run", "read_run", "write_comparison_figures", "write_comparison_report", "write_comparison_tables",
    "write_predictor_report", "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
