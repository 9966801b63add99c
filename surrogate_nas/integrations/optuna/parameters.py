"""An architecture as Optuna's parameters: one per gene, by the gene's name."""

from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from surrogate_nas.spaces.base import SearchSpace


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """One distribution per gene, by name: integers where values have an order (widths ...), else categories."""
    return {
        name: IntDistribution(0, n - 1) if ordinal else CategoricalDistribution(tuple(range(n)))
        for name, n, ordinal in zip(space.gene_names, space.cardinalities.tolist(), space.ordinal, strict=True)
    }


def suggest(trial: Any, space: SearchSpace) -> npt.NDArray[np.int16]:
    """Have a trial choose an architecture.

    Args:
        trial: An ``optuna.Trial``; further parameters may be suggested before and after.
        space: Where the architecture comes from.

    Returns:
        Its row, int16 of shape (d,).

    Raises:
        TrialPruned: The sampler chose genes that make no valid architecture together. ``SurrogateSampler`` never does.
    """
    genes = [
        trial.suggest_int(name, 0, n - 1) if ordinal else trial.suggest_categorical(name, tuple(range(n)))
        for name, n, ordinal in zip(space.gene_names, space.cardinalities.tolist(), space.ordinal, strict=True)
    ]
    row = np.array(genes, dtype=np.int16)
    if not space.valid(row[None])[0]:
        raise optuna.TrialPruned(f"{row.tolist()} is no architecture of space {space.name!r}")
    return row
