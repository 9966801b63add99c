"""Compression of trained networks: fewer weights, fewer filters, fewer bits."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate_nas.training.compression.filters import prune_filters
    from surrogate_nas.training.compression.quantisation import quantise
    from surrogate_nas.training.compression.report import compression_report, fine_tune
    from surrogate_nas.training.compression.storage import read_packed, write_packed
    from surrogate_nas.training.compression.weights import prune_weights, without_masks

__all__ = [
    "compression_report",
    "fine_tune",
    "prune_filters",
    "prune_weights",
    "quantise",
    "read_packed",
    "without_masks",
    "write_packed",
]

#: Where each public name lives; loaded on first use, because torch takes seconds to import.
_HOMES = {
    "compression_report": "report", "fine_tune": "report", "prune_filters": "filters", "prune_weights": "weights",
    "quantise": "quantisation", "read_packed": "storage", "without_masks": "weights", "write_packed": "storage",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
