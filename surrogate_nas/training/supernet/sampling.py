"""Which architectures a supernet is trained with, batch by batch."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces import SearchSpace

Sampling = Literal["uniform", "fair"]

Rows = npt.NDArray[np.int16]


def uniform_rows(space: SearchSpace, n: int, rng: np.random.Generator) -> Rows:
    """Architectures for n steps of one each: every one is as likely as any other [1].

    References:
        [1] Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling, ECCV 2020,
            https://arxiv.org/abs/1904.00420
    """
    return space.sample(n, rng)


def fair_rows(space: SearchSpace, n: int, rng: np.random.Generator) -> Rows:
    """Architectures for one step on all of them: every operation is in each place exactly once [1].

    Each gene runs through a random permutation of its values; one with more values than there are operations
    (which states are read) through a part of it, without repeats. Differs from [1] where an operation is "none":
    what it cuts off from the output is not trained in that step.

    Args:
        space: One of independent genes.
        n: Operations that a place holds.
        rng: Random stream.

    References:
        [1] Chu et al., FairNAS: Rethinking Evaluation Fairness of Weight Sharing NAS, ICCV 2021,
            https://arxiv.org/abs/1907.01845
    """
    genes = []
    for values in space.cardinalities.tolist():
        rounds = [rng.permutation(values) for _ in range(-(-n // values))]
        genes.append(rng.permutation(np.concatenate(rounds)[:n]))
    return np.stack(genes, axis=1).astype(np.int16)
