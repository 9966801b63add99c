"""surrogate_nas: learn from networks that were already trained, and predict how good others will be.

Tables of real trainings -> graphs -> features -> predictors learned across tasks -> strategies that
ask them -> a few real trainings that confirm -> a report. Public names arrive on first use, so that
importing the package loads no heavy library.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES = {
    "ArchitectureLibrary": "experiments",
    "AutoPredictor": "predictors",
    "CallableObjective": "experiments",
    "Column": "core",
    "Comparison": "experiments",
    "GraphBatch": "spaces",
    "MetaPredictor": "predictors",
    "MetricSpec": "core",
    "Prediction": "core",
    "Predictor": "predictors",
    "Proposal": "core",
    "Recipe": "training",
    "SearchSpace": "spaces",
    "SurrogateNASError": "core",
    "Table": "tables",
    "TableObjective": "experiments",
    "TaskData": "core",
    "Trainer": "training",
    "array_dataset": "training",
    "build_network": "networks",
    "check_space": "testing.check",
    "compare": "experiments",
    "confirm": "experiments",
    "default_strategy": "experiments",
    "define_space": "spaces",
    "download_table": "tables.obtaining",
    "explain": "predictors",
    "get_space": "spaces",
    "import_table": "tables.obtaining",
    "list_pretrained": "predictors",
    "list_spaces": "spaces",
    "list_tables": "tables",
    "list_strategies": "experiments",
    "load_predictor": "predictors",
    "load_table": "tables",
    "make_strategy": "experiments",
    "search": "experiments",
}
_PACKAGES = (
    "core",
    "encodings",
    "execution",
    "experiments",
    "integrations",
    "networks",
    "predictors",
    "reports",
    "spaces",
    "strategies",
    "tables",
    "testing",
    "training",
)

__all__ = [*_HOMES, *_PACKAGES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
