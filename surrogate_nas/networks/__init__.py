"""Networks: one interpreter of a space's skeleton and one architecture's graph, to torch modules."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate_nas.networks.building import build_network, check_buildable
    from surrogate_nas.networks.counting import count_flops, count_parameters
    from surrogate_nas.networks.exporting import export_network
    from surrogate_nas.networks.mixed_network import MixedNetwork
    from surrogate_nas.networks.static_graph import StaticGraph

__all__ = [
    "MixedNetwork",
    "StaticGraph",
    "build_network",
    "check_buildable",
    "count_flops",
    "count_parameters",
    "export_network",
]

#: Where each public name lives; loaded on first use, because torch takes seconds to import.
_HOMES = {
    "MixedNetwork": "mixed_network",
    "StaticGraph": "static_graph",
    "build_network": "building",
    "check_buildable": "building",
    "count_flops": "counting",
    "count_parameters": "counting",
    "export_network": "exporting",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
