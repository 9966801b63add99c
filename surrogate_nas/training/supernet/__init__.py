"""Weight sharing: one network that holds all architectures of a space."""

from surrogate_nas.training.supernet.fine_tuning import FineTuned
from surrogate_nas.training.supernet.supernet import Supernet

__all__ = ["FineTuned", "Supernet"]
