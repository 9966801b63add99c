"""Weight sharing: one network that holds all architectures of a space, and searches on it."""

from surrogate_nas.training.supernet.choosing import by_features, joined, step_by_step
from surrogate_nas.training.supernet.differentiable import DartsEpoch, DartsResult, darts
from surrogate_nas.training.supernet.fine_tuning import FineTuned
from surrogate_nas.training.supernet.supernet import Supernet

__all__ = ["DartsEpoch", "DartsResult", "FineTuned", "Supernet", "by_features", "darts", "joined", "step_by_step"]
