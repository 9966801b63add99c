"""How sources are weighed for a new task: their common guess, and which of them are of a kind with it.

A source that resembles the new task, by numbers that describe both (size, classes, ...), has more to say. How much
resemblance counts is learned from the sources: each plays the new task in turn, and the length is kept with which the
others guess it best.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.predictors.state import State

Floats = npt.NDArray[np.float64]

#: Lengths tried, in standard deviations of the descriptors over the sources; the first stands for "no matter".
LENGTHS = (np.inf, 4.0, 2.8, 2.0, 1.4, 1.0, 0.7)

#: What a source says for itself alone, as a variance: keeps the votes of sources that agree from cancelling. On
#: tasks left out of NAS-Bench-Graph .3 to 3 do alike.
APART = 0.5

#: Fewest sources among which resemblance can be seen to matter.
FEWEST = 4


def guess(between: Floats, reliability: Floats, near: Floats | float = 1.0) -> Floats:
    """Weights of the sources in the best linear guess at a new task, (T,).

    The guess has deviation one over the space (zero where no source is reliable).

    Args:
        between: Covariance of the source models over the space, (T, T).
        reliability: Of each source, (T,).
        near: How much of a kind with the new task each is, (T,).
    """
    v = np.linalg.solve(between + APART * np.eye(len(between)), reliability**2 * near)
    size = float(np.sqrt(max(float(v @ between @ v), 0.0)))
    return np.asarray(v / size if size > 0 else np.zeros_like(v), dtype=np.float64)


@final
class Kinship:
    """Weights of sources for a task with given descriptors.

    Args:
        names: Descriptors that all sources have.
        places: Each source's, standardised over the sources, (T, k).
        center: Means before standardising, (k,).
        scale: Standard deviations before standardising, (k,).
        length: How far apart tasks may be and still be of a kind.
    """

    def __init__(self, names: tuple[str, ...], places: Floats, center: Floats, scale: Floats, length: float) -> None:
        self.names = names
        self.places = places
        self.center = center
        self.scale = scale
        self.length = length

    @classmethod
    def learn(
        cls, descriptors: Sequence[Mapping[str, float] | None], between: Floats, reliability: Floats
    ) -> "Self | None":
        """Find what resemblance is worth among the sources; None where it cannot be seen or is worth nothing.

        Args:
            descriptors: Of each source.
            between: Covariance of the source models over the space, (T, T).
            reliability: Of each source, (T,).
        """
        if len(descriptors) < FEWEST or not all(descriptors):
            return None
        known = [{k for k, v in d.items() if np.isfinite(v)} for d in descriptors if d]
        names = tuple(sorted(set.intersection(*known)))
        values = np.array([[_bent(d[k]) for k in names] for d in descriptors if d]).reshape(len(descriptors), -1)
        varies = values.std(axis=0) > 1e-9
        names, values = tuple(np.array(names, dtype=object)[varies]), values[:, varies]
        if not names:
            return None
        center, scale = values.mean(axis=0), values.std(axis=0)
        made = [cls(names, (values - center) / scale, center, scale, length) for length in LENGTHS]
        merit = [kin._merit(between, reliability) for kin in made]
        best = int(np.argmax(merit))
        return made[best] if best else None

    def weights(self, descriptors: Mapping[str, float]) -> Floats:
        """How much of a kind each source is with a task, (T,), the mean being one.

        Args:
            descriptors: The task's; those that no source has do not count.
        """
        use = [i for i, name in enumerate(self.names) if name in descriptors]
        if not use:
            raise InvalidInputError(
                f"descriptors: expected some of {', '.join(self.names)}, as the sources have, got "
                f"{', '.join(descriptors) or 'none'}"
            )
        values = np.array([float(descriptors[self.names[i]]) for i in use])
        if not np.isfinite(values).all():
            raise InvalidInputError("descriptors: expected finite numbers; leave out what is not known")
        return self._near((_bent(values) - self.center[use]) / self.scale[use], self.places[:, use])

    def _near(self, place: Floats, places: Floats) -> Floats:
        near = np.exp(-0.5 * np.clip(((places - place) ** 2).mean(axis=1) / self.length**2, 0, 100))
        return near / near.mean()

    def _merit(self, between: Floats, reliability: Floats) -> float:
        """Mean correlation with a left-out source of the guess that the others make."""
        found = []
        for t in range(len(between)):
            others = np.delete(np.arange(len(between)), t)
            v = guess(
                between[np.ix_(others, others)], reliability[others], self._near(self.places[t], self.places[others])
            )
            found.append(float(v @ between[others, t]) / max(float(np.sqrt(between[t, t])), 1e-9))
        return float(np.mean(found))

    def get_state(self) -> State:
        """What has to be written down."""
        arrays = {"places": self.places, "center": self.center, "scale": self.scale}
        return State({"names": list(self.names), "length": self.length}, arrays)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        a = state.arrays
        names = tuple(str(name) for name in state.values["names"])
        return cls(names, a["places"], a["center"], a["scale"], float(state.values["length"]))


def _bent(value: Any) -> Any:
    """Numbers of very different size on one scale: logarithms, signs kept."""
    return np.sign(value) * np.log1p(np.abs(value))
