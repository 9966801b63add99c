"""What ``predictor.rank`` returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Architectures, the best expected first.

    Attributes:
        index: Position of each row in the X that was ranked, int of shape (k,).
        rows: The rows themselves, shape (k, d).
        mean: Expected score in the target's unit, shape (k,).
        std: Standard deviation of the prediction, shape (k,).
        space: The space of the rows, or None where rows are plain floats.
    """

    index: npt.NDArray[np.int64]
    rows: npt.NDArray[Any]
    mean: Floats
    std: Floats
    space: SearchSpace | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def texts(self) -> list[str]:
        """The architectures in their official text form (needs a space)."""
        if self.space is None:
            raise InvalidInputError("texts: expected a ranking of a search space's rows, got plain floats; use .rows")
        return self.space.format(self.rows)

    def to_pandas(self) -> "pd.DataFrame":
        """A DataFrame with the columns architecture (text, or the position in X), mean and std."""
        import pandas as pd

        names = self.index if self.space is None else self.texts
        return pd.DataFrame({"architecture": names, "mean": self.mean, "std": self.std})
