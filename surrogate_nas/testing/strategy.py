"""The contract of a strategy, as checks that any strategy can be run through, also a user's own.

    import pytest
    from surrogate_nas.testing.strategy import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(MyStrategy, my_space)

A factory is called as ``factory(space, random_state=seed)``. Scores come from a made-up landscape, the same for every
training length. What must not come twice is a pair: a row, and how long it is trained.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Proposal, SpaceExhaustedError
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Strategy
from surrogate_nas.strategies.ledger import MAX_LISTED

Factory = Callable[..., Strategy]
Floats = npt.NDArray[np.float64]

#: A strategy that is no better than random passes the comparison with at most this probability.
FALSE_ALARM = 1e-4


class Landscape:
    """Made-up scores: every gene's value adds something, and so does every pair of neighbouring genes.

    Args:
        space: Space of the rows.
        seed: Which landscape.
        by_network: Whether rows that mean the same network score the same; a predictor that looks at networks cannot
            learn from any other landscape.
    """

    def __init__(self, space: SearchSpace, seed: int = 0, *, by_network: bool = False) -> None:
        rng = np.random.default_rng(seed)
        shape = (space.n_genes, int(space.cardinalities.max()))
        self._single = rng.normal(size=shape)
        self._space = space if by_network else None
        self._pairs = 0.5 * rng.normal(size=(*shape, shape[1]))

    def __call__(self, X: Rows) -> Floats:
        """Scores of rows (n, d), shape (n,)."""
        X = X if self._space is None else self._space.canonical(X)
        gene = np.arange(X.shape[1])
        scores = self._single[gene, X].sum(axis=1) + self._pairs[gene[1:], X[:, :-1], X[:, 1:]].sum(axis=1)
        return np.asarray(scores, dtype=np.float64)


def steps(strategy: Strategy, score: Callable[[Rows], Floats], budget: int, batch: int) -> Iterator[Proposal]:
    """Ask and tell in batches until ``budget`` rows were told or none are left; yields what was proposed."""
    told = 0
    while told < budget:
        try:
            X, epochs = strategy.ask(batch)
        except SpaceExhaustedError:
            return
        assert len(X), "nothing is pending, so the strategy has to propose something or say that nothing is left"
        strategy.tell(X, score(X), epochs=epochs, cost_s=np.ones(len(X)))
        told += len(X)
        yield Proposal(X, epochs)


def run(strategy: Strategy, score: Callable[[Rows], Floats], budget: int, batch: int = 1) -> Rows:
    """All rows that :func:`steps` proposes, shape (n, d)."""
    return evaluations(strategy, score, budget, batch).X


def evaluations(strategy: Strategy, score: Callable[[Rows], Floats], budget: int, batch: int = 1) -> Proposal:
    """All that :func:`steps` proposes, in order, with epochs 0 where they are the objective's own."""
    return _joined(strategy.space, list(steps(strategy, score, budget, batch)))


def _joined(space: SearchSpace, proposals: list[Proposal]) -> Proposal:
    none = np.empty((0, space.n_genes), dtype=np.int16)
    epochs = [np.zeros(len(p.X), dtype=np.int64) if p.epochs is None else p.epochs for p in proposals]
    return Proposal(
        np.concatenate([none, *(p.X for p in proposals)]), np.concatenate([np.empty(0, dtype=np.int64), *epochs])
    )


def check_proposals_are_valid_rows(factory: Factory, space: SearchSpace) -> None:
    """What is asked for comes as valid int16 rows, never more than asked for."""
    for batch in (1, 64):
        for X, epochs in steps(factory(space, random_state=0), Landscape(space), 160, batch):
            assert isinstance(X, np.ndarray)
            assert X.dtype == np.int16
            assert X.ndim == 2
            assert 1 <= len(X) <= batch
            assert space.valid(X).all()
            assert epochs is None or (epochs.shape == (len(X),) and epochs.dtype == np.int64 and (epochs > 0).all())


def check_nothing_is_proposed_twice(factory: Factory, space: SearchSpace) -> None:
    """No key comes twice, by canonical row (the default) and by exact row."""
    for batch in (1, 64):
        done = evaluations(factory(space, random_state=1), Landscape(space), 320, batch)
        assert _no_repeats(space.canonical(done.X), done.epochs), "canonical is the default key"
        by_row = factory(space, random_state=1)
        by_row.restrict(key="row")
        assert _no_repeats(*evaluations(by_row, Landscape(space), 320, batch))


def check_pending_is_not_proposed_again(factory: Factory, space: SearchSpace) -> None:
    """What was asked and not told yet is not proposed again; results may come in any order."""
    strategy = factory(space, random_state=2)
    waiting: list[Proposal] = []
    for _ in range(30):
        waiting.append(strategy.ask(4))
        assert len(waiting[-1].X) <= 4
    X = np.concatenate([p.X for p in waiting])
    assert len(X), "a strategy that was never told anything has to begin"
    epochs = [p.epochs for p in waiting if p.epochs is not None]
    lengths = np.concatenate(epochs)[::-1] if epochs else None
    strategy.tell(X[::-1], Landscape(space)(X[::-1]), epochs=lengths)  # workers finish in their own order
    waiting.append(strategy.ask(4))
    assert len(waiting[-1].X)
    done = _joined(space, waiting)
    assert _no_repeats(space.canonical(done.X), done.epochs)


def check_told_is_not_proposed(factory: Factory, space: SearchSpace) -> None:
    """Earlier results that were told are not proposed."""
    strategy = factory(space, random_state=3)
    earlier = space.sample(min(200, space.size // 2), np.random.default_rng(0), unique=True)
    strategy.tell(earlier, Landscape(space)(earlier))
    keys = space.canonical(np.concatenate([earlier, run(strategy, Landscape(space), 100)]))
    assert not (set(space.keys(keys[: len(earlier)]).tolist()) & set(space.keys(keys[len(earlier) :]).tolist()))


def check_conditions_are_honoured(factory: Factory, space: SearchSpace) -> None:
    """Only rows that the condition allows are proposed."""
    strategy = factory(space, random_state=4)
    strategy.restrict(allowed=_every_fifth(space))
    X = run(strategy, Landscape(space), 80, 8)
    assert len(X) >= 80
    assert _every_fifth(space)(X).all()


def check_a_small_space_is_used_up(factory: Factory, space: SearchSpace) -> None:
    """A budget larger than the space proposes all of it once, then says that nothing is left."""
    few = space.canonical(space.sample(40, np.random.default_rng(5)))
    for batch in (1, 64):
        strategy = factory(space, random_state=5)
        _restrict(strategy, few)
        done = evaluations(strategy, Landscape(space), 1000, batch)  # a budget larger than the space
        assert _no_repeats(*done)
        assert _distinct(done.X) == _distinct(few)
        _is_exhausted(strategy)


def check_one_architecture(factory: Factory, space: SearchSpace) -> None:
    """A space of one architecture is searched."""
    only = space.canonical(space.sample(1, np.random.default_rng(6)))
    strategy = factory(space, random_state=6)
    _restrict(strategy, only)
    np.testing.assert_array_equal(np.unique(run(strategy, Landscape(space), 10, 3), axis=0), only)
    _is_exhausted(strategy)


def _restrict(strategy: Strategy, rows: Rows) -> None:
    """Allow these rows only; random draws from a large space would never find them, so they are handed over."""
    strategy.restrict(allowed=_among(rows), among=rows if strategy.space.size > MAX_LISTED else None)


def check_no_architecture(factory: Factory, space: SearchSpace) -> None:
    """Where nothing is allowed, the first request says so."""
    strategy = factory(space, random_state=7)
    strategy.restrict(allowed=lambda X: np.zeros(len(X), dtype=bool))
    _is_exhausted(strategy)


def check_failures_are_survived(factory: Factory, space: SearchSpace) -> None:
    """NaN scores, some or all, neither stop the search nor come back."""
    landscape = Landscape(space)

    def often(X: Rows) -> Floats:
        return np.where(X.sum(axis=1) % 3 == 0, np.nan, landscape(X))

    for failing in (often, lambda X: np.full(len(X), np.nan)):
        for batch in (1, 64):
            done = evaluations(factory(space, random_state=8), failing, 130, batch)
            assert len(done.X) >= 130
            assert _no_repeats(space.canonical(done.X), done.epochs)
            failed = np.isnan(failing(done.X))
            assert _distinct(space.canonical(done.X[failed])) == failed.sum(), "not even to be trained for longer"


def check_arguments_stay_as_they_are(factory: Factory, space: SearchSpace) -> None:
    """What is told is not changed, and the caller may reuse every array."""
    landscape = Landscape(space)
    kept, changed = factory(space, random_state=9), factory(space, random_state=9)
    for _ in range(70):
        X, epochs = kept.ask(2)
        Y, lengths = changed.ask(2)
        np.testing.assert_array_equal(X, Y)
        told, scores, cost = X.copy(), landscape(X), np.ones(len(X))
        kept.tell(told, scores, epochs=epochs, cost_s=cost)
        np.testing.assert_array_equal(told, X)
        np.testing.assert_array_equal(scores, landscape(X))
        np.testing.assert_array_equal(cost, np.ones(len(X)))
        told, scores = Y.copy(), landscape(Y)
        changed.tell(told, scores, epochs=lengths)
        Y[:], told[:], scores[:] = 0, 0, 0.0  # what becomes of the caller's arrays must not matter
        if lengths is not None:
            lengths[:] = 0


def check_a_seed_repeats_the_sequence(factory: Factory, space: SearchSpace) -> None:
    """Same seed, same sequence."""
    for batch in (1, 64):
        first, second = (run(factory(space, random_state=10), Landscape(space), 130, batch) for _ in range(2))
        np.testing.assert_array_equal(first, second)


def check_replay_rebuilds_the_state(factory: Factory, space: SearchSpace) -> None:
    """Told as logged, after the same asks, a new strategy goes on like the one that was interrupted."""
    landscape = Landscape(space)
    live = factory(space, random_state=11)
    log = [(*proposal, landscape(proposal.X)) for proposal in steps(live, landscape, 120, 3)]
    again = factory(space, random_state=11)
    for X, epochs, scores in log:
        np.testing.assert_array_equal(again.ask(3).X, X)
        again.tell(X, scores, epochs=epochs)
    np.testing.assert_array_equal(run(again, landscape, 60, 3), run(live, landscape, 60, 3))


def check_constant_scores(factory: Factory, space: SearchSpace) -> None:
    """Scores that say nothing are survived."""
    done = evaluations(factory(space, random_state=12), lambda X: np.zeros(len(X)), 130, 4)
    assert len(done.X) >= 130
    assert _no_repeats(space.canonical(done.X), done.epochs)


#: What holds for every strategy on every space of at least a few hundred architectures.
CHECKS: tuple[Callable[[Factory, SearchSpace], None], ...] = (
    check_proposals_are_valid_rows,
    check_nothing_is_proposed_twice,
    check_pending_is_not_proposed_again,
    check_told_is_not_proposed,
    check_conditions_are_honoured,
    check_a_small_space_is_used_up,
    check_one_architecture,
    check_no_architecture,
    check_failures_are_survived,
    check_arguments_stay_as_they_are,
    check_a_seed_repeats_the_sequence,
    check_replay_rebuilds_the_state,
    check_constant_scores,
)


def check_same_sequence_in_another_process(factory: Factory, space: SearchSpace) -> None:
    """Same seed, other process, other hash seed. Costs a second, so it stands apart; ``factory`` is pickled."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(_sequence, factory, space).result()
    np.testing.assert_array_equal(there, _sequence(factory, space))


def check_beats_random(
    factory: Factory,
    baseline: Factory,
    space: SearchSpace,
    *,
    budget: int,
    runs: int = 60,
    by_network: bool = False,
) -> None:
    """The best found is better than the baseline's, landscape by landscape; a sign test decides.

    Without any difference, wins follow a binomial distribution with p = 1/2 (ties count half, which only
    makes it narrower), so the check passes by chance with a probability of at most ``FALSE_ALARM``.

    Args:
        factory: The strategy that claims to be better.
        baseline: What it is compared with.
        space: Where both search.
        budget: Evaluations of each run.
        runs: Landscapes, each with its own seed.
        by_network: As in :class:`Landscape`.
    """
    from scipy.stats import binom

    wins = 0.0
    for seed in range(runs):
        landscape = Landscape(space, seed, by_network=by_network)
        ours, theirs = (
            landscape(run(f(space, random_state=seed), landscape, budget)).max() for f in (factory, baseline)
        )
        wins += 0.5 * (ours == theirs) + (ours > theirs)
    chance = float(binom.sf(np.floor(wins) - 1, runs, 0.5))
    assert chance < FALSE_ALARM, f"better in {wins} of {runs} runs: p = {chance:.2g}"


def _sequence(factory: Factory, space: SearchSpace) -> Rows:
    return run(factory(space, random_state=13), Landscape(space), 130, 2)


def _is_exhausted(strategy: Strategy) -> None:
    try:
        X = strategy.ask(1).X
    except SpaceExhaustedError:
        return
    raise AssertionError(f"nothing is left, yet {X.tolist()} was proposed")


def _distinct(X: Rows) -> int:
    return len(np.unique(X, axis=0))


def _no_repeats(X: Rows, epochs: npt.NDArray[np.int64] | None) -> bool:
    return len({(x.tobytes(), length) for x, length in zip(X, [] if epochs is None else epochs, strict=True)}) == len(X)


def _among(some: Rows) -> Callable[[Rows], npt.NDArray[np.bool_]]:
    known = {x.tobytes() for x in some}
    return lambda X: np.array([x.tobytes() in known for x in X], dtype=bool)


def _every_fifth(space: SearchSpace) -> Callable[[Rows], npt.NDArray[np.bool_]]:
    weights = np.arange(1, space.n_genes + 1)
    return lambda X: (X @ weights) % 5 == 0
