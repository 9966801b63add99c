"""Meta-learned weights: networks that learn a new task from a few samples of each class."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate_nas.training.meta_learning.anil import ANIL
    from surrogate_nas.training.meta_learning.baselines import nearest_mean
    from surrogate_nas.training.meta_learning.classes import joined, rotated
    from surrogate_nas.training.meta_learning.episodes import (
        ClassSplit,
        FewShotTasks,
        split_classes,
        split_classes_by_name,
    )
    from surrogate_nas.training.meta_learning.evaluation import accuracy_of
    from surrogate_nas.training.meta_learning.learned import MetaLearned
    from surrogate_nas.training.meta_learning.maml import MAML
    from surrogate_nas.training.meta_learning.methods import Method
    from surrogate_nas.training.meta_learning.reptile import Reptile
    from surrogate_nas.training.meta_learning.trainer import MetaTrainer

__all__ = [
    "ANIL",
    "MAML",
    "ClassSplit",
    "FewShotTasks",
    "MetaLearned",
    "MetaTrainer",
    "Method",
    "Reptile",
    "accuracy_of",
    "joined",
    "nearest_mean",
    "rotated",
    "split_classes",
    "split_classes_by_name",
]

#: Where each public name lives; loaded on first use, because torch takes seconds to import.
_HOMES = {
    "ANIL": "anil", "MAML": "maml", "ClassSplit": "episodes", "FewShotTasks": "episodes", "MetaLearned": "learned",
    "MetaTrainer": "trainer", "Method": "methods", "Reptile": "reptile", "accuracy_of": "evaluation",
    "joined": "classes", "nearest_mean": "baselines", "rotated": "classes", "split_classes": "episodes",
    "split_classes_by_name": "episodes",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
