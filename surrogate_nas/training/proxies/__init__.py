"""Zero-cost proxies: thirteen numbers that say something about a network before it is trained."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from surrogate_nas.training.proxies.names import PROXIES

if TYPE_CHECKING:
    from surrogate_nas.training.proxies.batches import ProxyBatch, data_batch, random_batch
    from surrogate_nas.training.proxies.compute import compute_proxies
    from surrogate_nas.training.proxies.scorer import ProxyScorer, ProxyScores

__all__ = ["PROXIES", "ProxyBatch", "ProxyScorer", "ProxyScores", "compute_proxies", "data_batch", "random_batch"]

#: Where each public name lives; loaded on first use, because torch takes seconds to import.
_HOMES = {
    "ProxyBatch": "batches",
    "ProxyScorer": "scorer",
    "ProxyScores": "scorer",
    "compute_proxies": "compute",
    "data_batch": "batches",
    "random_batch": "batches",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
