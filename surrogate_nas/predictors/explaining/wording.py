"""Changes of a score in words: the sign as it is, the verb by whether more is better."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction

if TYPE_CHECKING:
    import pandas as pd

#: What differences are counted in, where that is not the unit itself; "1" stands for a plain number.
DIFFERENCES = {"%": "points", "1": ""}

#: Digits behind the first one of the spread of scores.
DIGITS = 2


@final
@dataclass(frozen=True)
class Wording:
    """How changes of one target are written.

    Attributes:
        unit: What differences are counted in, "" for plain numbers.
        direction: "max" if a higher score is better.
        decimals: Digits behind the point.
    """

    unit: str
    direction: Direction
    decimals: int

    @classmethod
    def of(cls, unit: str, direction: Direction, scores: npt.ArrayLike) -> Self:
        """Wording for scores of about this spread.

        Args:
            unit: Unit of the score.
            direction: "max" if a higher score is better.
            scores: Any number of scores.
        """
        given = np.asarray(scores, dtype=np.float64)
        spread = float(given.std()) if given.size else 0.0
        if spread > 1e-9 * float(np.abs(given).max(initial=0.0)):  # below is rounding
            middle = float(np.subtract(*np.quantile(given, [0.75, 0.25]))) / 1.35  # few failures do not set the digits
            decimals = DIGITS - math.floor(math.log10(middle or spread))
        else:
            decimals = DIGITS
        return cls(DIFFERENCES.get(unit, unit), direction, int(np.clip(decimals, 0, 8)))

    def score(self, value: float) -> str:
        """A score as it is."""
        return f"{value:.{self.decimals}f}"

    def change(self, value: float, std: float = math.nan) -> str:
        """``+1.80 ± 0.21 points``."""
        spread = f" ± {std:.{self.decimals}f}" if math.isfinite(std) and std > 0 else ""
        rounded = round(value, self.decimals) + 0.0  # no "-0.00"
        return f"{rounded:+.{self.decimals}f}{spread} {self.unit}".rstrip()

    def worth(self, value: float, std: float = math.nan) -> str:
        """``is worth +1.80 points``, ``costs -0.40 points``; of a latency ``costs +0.8 ms``, ``saves -0.3 ms``.

        What rounds to nothing ``makes no difference``.
        """
        if round(value, self.decimals) == 0:
            return "makes no difference"
        good = "is worth" if self.direction == "max" else "saves"
        better = value >= 0 if self.direction == "max" else value <= 0
        return f"{good if better else 'costs'} {self.change(value, std)}"


def lines(frame: "pd.DataFrame") -> Iterator[Any]:
    """The rows of a frame, each with its columns as attributes."""
    return frame.itertuples(index=False)
