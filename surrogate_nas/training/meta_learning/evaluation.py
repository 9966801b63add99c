"""How well networks learn new tasks: accuracy on the queries of many episodes, with an interval."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from surrogate_nas.core.statistics import Interval
from surrogate_nas.training.meta_learning.episodes import Episodes, FewShotTasks, Seed
from surrogate_nas.training.meta_learning.methods import Method
from surrogate_nas.training.meta_learning.network import Parameters, TaskNetwork
from surrogate_nas.training.tensors import Part

#: Episodes at once: enough to keep a core busy, few enough for its caches. A constant, so that it changes no result.
AT_ONCE = 16

#: Half the width of a 95% interval in standard errors.
_95_PERCENT = 1.96


class Evaluated(NamedTuple):
    """Answers on the queries of t episodes.

    Attributes:
        logits: Shape (t, queries, ways).
        labels: Shape (t, queries).
    """

    logits: Tensor
    labels: Tensor

    @property
    def accuracies(self) -> Tensor:
        """Share of right answers in each episode, float64 of shape (t,), on the CPU."""
        return (self.logits.argmax(2) == self.labels).double().mean(1).cpu()


def chunks(tasks: FewShotTasks, part: Part, n: int, seed: Seed, device: torch.device | str) -> Iterator[Episodes]:
    """Draw ``n`` episodes, a few at once; the first ones are the same however many are drawn."""
    stream = (seed,) if isinstance(seed, int) else tuple(seed)
    for begin in range(0, n, AT_ONCE):
        drawn = tasks.draw(part, AT_ONCE, (*stream, begin), device)
        yield Episodes(*(tensor[: n - begin] for tensor in drawn))


@torch.no_grad()
def adapt_and_answer(
    method: Method, network: TaskNetwork, parameters: Parameters, tasks: Episodes, steps: int, *, own: bool = False
) -> Evaluated:
    """Adapt to each task and answer its queries.

    Args:
        method: How to adapt.
        network: Whose weights.
        parameters: Where every task begins.
        tasks: Episodes.
        steps: Steps on each support set.
        own: Each task begins with weights of its own, which have a leading axis of tasks.
    """

    def answer(weights: Parameters, x: Tensor, y: Tensor, query: Tensor) -> Tensor:
        return network.answers(method.adapt(network, weights, x, y, steps), x, query)

    network.train(False)
    in_dims = (0 if own else None, 0, 0, 0)
    logits = vmap(answer, in_dims=in_dims)(parameters, tasks.support_x, tasks.support_y, tasks.query_x)
    return Evaluated(logits, tasks.query_y)


def mean_accuracy(accuracies: Tensor) -> Interval:
    """Mean over episodes with its 95% interval, by the normal approximation that papers on few-shot learning use.

    The interval says how far the mean of other episodes may be, drawn from the same classes with the same initial
    weights. What other classes or another meta-training would give is another question.

    Args:
        accuracies: Of independent episodes, shape (t,).
    """
    mean = float(accuracies.mean())
    half = _95_PERCENT * float(accuracies.std()) / len(accuracies) ** 0.5 if len(accuracies) > 1 else float("nan")
    return Interval(mean, mean - half, mean + half)


def accuracy_of(
    answer: Callable[[Episodes, int], Evaluated], tasks: FewShotTasks, part: Part, n: int, seed: Seed,
    device: torch.device | str = "cpu",
) -> Interval:  # fmt: skip
    """Accuracy of anything that answers episodes.

    Args:
        answer: Called with episodes and the number of the first of them.
        tasks: Source of the episodes.
        part: Whose classes.
        n: How many episodes.
        seed: Of the draw.
        device: Where episodes lie.
    """
    drawn = enumerate(chunks(tasks, part, n, seed, device))
    return mean_accuracy(torch.cat([answer(episodes, i * AT_ONCE).accuracies for i, episodes in drawn]))
