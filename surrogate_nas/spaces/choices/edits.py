"""Small changes to rows of choices, read gene by gene through the automaton that knows the valid rows.

One edit gives another option to one choice. Choices that are then no longer made become 0; choices that
are now made take any option, except that an optional one is left out at first, and likewise an edit
never takes away an optional choice that is made. So a chain grows and shrinks by one layer at its end,
edits can be undone by edits, and their number stays in the thousands.
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.choices.counting import Automaton, Rows, States, Step

#: More neighbours than this are not listed: one edit makes too many other choices necessary.
MAX_NEIGHBORS = 2**20

#: Random edits or children that lead nowhere are drawn again so many times; then all neighbours are listed.
MAX_ROUNDS = 32


def neighbors(automaton: Automaton, row: npt.NDArray[np.int16]) -> Rows:
    """All valid rows that are one edit away from a valid row; shape (m, d).

    Raises:
        InvalidInputError: There are more than :data:`MAX_NEIGHBORS`.
    """
    path = automaton.walk(row[None, :])[0]
    rows = np.empty((0, len(row)), dtype=np.int16)
    states = np.empty(0, dtype=np.int64)
    for gene, step in enumerate(automaton.steps):
        kept, was_active = int(row[gene]), bool(step.active[path[gene]])
        values = np.where(step.active[states], kept, 0)
        if not was_active and not step.optional:
            free = step.active[states]
            rows, states, values = _branch(automaton, step, rows, states, values, free)
        elif step.optional and kept:
            values[~step.active[states]] = -1
        others = np.flatnonzero(step.follow(np.full(len(step.run_of), path[gene]), np.arange(len(step.run_of))) >= 0)
        others = others[others != kept] if was_active else others[:0]
        rows = np.concatenate([rows, np.repeat(row[None, :], len(others), axis=0)])
        states = np.concatenate([states, np.full(len(others), path[gene])])
        values = np.concatenate([values, others])
        rows[:, gene] = values
        after = np.where(values < 0, -1, step.follow(states, values))
        rows, states = rows[after >= 0], after[after >= 0]
        _check_number(automaton, len(rows))
    return rows


def _check_number(automaton: Automaton, n: int) -> None:
    if n > MAX_NEIGHBORS:
        raise InvalidInputError(
            f"space {automaton.name!r}: expected at most {MAX_NEIGHBORS:,} neighbours, got more; make choices "
            "optional that others bring about, or use space.mutate"
        )


def _branch(
    automaton: Automaton,
    step: Step,
    rows: Rows,
    states: States,
    values: npt.NDArray[np.int64],
    free: npt.NDArray[np.bool_],
) -> tuple[Rows, States, npt.NDArray[np.int64]]:
    """Replace each free row by one row per value that it may take."""
    copies = np.where(free, step.allowed[states], 1)
    _check_number(automaton, copies.sum())
    source = np.repeat(np.arange(len(rows)), copies)
    rank = np.arange(len(source)) - np.repeat(np.cumsum(copies) - copies, copies)
    picked = step.pick(states[source], rank)
    return rows[source], states[source], np.where(free[source], picked, values[source])


def mutate(automaton: Automaton, X: Rows, rng: np.random.Generator) -> Rows:
    """One random edit per valid row; a row without neighbours comes back unchanged.

    Uniform over the choices that are made and have another option, then over these options, then over the
    options of choices that have to be made in consequence; what leads to no valid row is drawn again. An
    optional choice that is made is left out half of the time, however many options it has: otherwise chains
    of layers with many widths would grow much more often than they shrink.
    """
    out, paths = X.copy(), automaton.walk(X)
    allowed = np.stack([step.allowed[paths[:, gene]] for gene, step in enumerate(automaton.steps)], axis=1)
    todo = np.flatnonzero((allowed > 1).any(axis=1))
    for _ in range(MAX_ROUNDS):
        if not len(todo):
            return out
        movable = np.cumsum(allowed[todo] > 1, axis=1)
        chosen = (rng.random(len(todo)) * movable[:, -1]).astype(np.int64)
        genes = (movable <= chosen[:, None]).sum(axis=1)
        children, good = _edited(automaton, X[todo], paths[todo], genes, rng)
        out[todo[good]] = children[good]
        todo = todo[~good]
    for i in todo:
        near = neighbors(automaton, X[i])
        if len(near):
            out[i] = near[rng.integers(len(near))]
    return out


def _edited(
    automaton: Automaton, X: Rows, paths: States, genes: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Give another option to the choice ``genes[i]`` of row i; also tells which rows are valid then."""
    out, good = X.copy(), np.ones(len(X), dtype=bool)
    states = np.zeros(len(X), dtype=np.int64)
    for gene, step in enumerate(automaton.steps):
        kept = X[:, gene].astype(np.int64)
        active, was_active = step.active[states], step.active[paths[:, gene]]
        values = np.where(active, kept, 0)
        good &= active | (kept == 0) | (not step.optional)
        root = np.flatnonzero(genes == gene)
        if len(root):
            values[root] = _other(step, states[root], kept[root], rng)
        free = np.flatnonzero(active & ~was_active) if not step.optional else root[:0]
        if len(free):
            ranks = (rng.random(len(free)) * step.allowed[states[free]]).astype(np.int64)
            values[free] = step.pick(states[free], ranks)
        out[:, gene] = values
        states = step.follow(states, values)
        good &= states >= 0
        states = np.maximum(states, 0)  # rows that went wrong are carried along and left out at the end
    return out, good


def _other(step: Step, states: States, kept: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Another option at random; a choice that can be left out is, half of the time."""
    droppable = (kept > 0) & (step.next[states, 0] >= 0) if step.optional else np.zeros(len(kept), dtype=bool)
    others = step.allowed[states] - 1 - droppable
    # Leaving out, where possible, is number 0 among the options; it and the present one are passed over.
    ranks = droppable + (rng.random(len(kept)) * others).astype(np.int64)
    ranks += ranks >= step.rank(states, kept)
    dropped = droppable & ((rng.random(len(kept)) < 0.5) | (others == 0))
    return np.where(dropped, 0, step.pick(states, ranks))


def crossover(automaton: Automaton, A: Rows, B: Rows, rng: np.random.Generator) -> Rows:
    """Take each gene from one of two valid parents at random, or from the other where only that goes on.

    A child that comes to an end nevertheless is drawn again, and at last replaced by its first parent.
    """
    out, todo = A.copy(), np.arange(len(A))
    for _ in range(MAX_ROUNDS):
        if not len(todo):
            break
        a, b = A[todo], B[todo]
        coins = rng.random(a.shape) < 0.5
        child, states = np.empty_like(a), np.zeros(len(a), dtype=np.int64)
        good = np.ones(len(a), dtype=bool)
        for gene, step in enumerate(automaton.steps):
            values = np.where(coins[:, gene], a[:, gene], b[:, gene])
            others = np.where(coins[:, gene], b[:, gene], a[:, gene])
            values = np.where(step.follow(states, values) >= 0, values, others)
            child[:, gene] = values
            states = step.follow(states, values)
            good &= states >= 0
            states = np.maximum(states, 0)
        out[todo[good]] = child[good]
        todo = todo[~good]
    return out


def moved(
    automaton: Automaton, X: Rows, wanted: npt.NDArray[np.float64], scales: list[npt.NDArray[np.float64] | None]
) -> Rows:
    """Give ordinal choices that are made the nearest option; everything else stays as it is.

    Gene by gene: where a limit forbids the nearest option, the nearest of those with which the rest of
    the row can stay is taken, so that the result is always valid.

    Args:
        automaton: The valid rows.
        X: Valid rows, shape (n, d).
        wanted: Places on the scales, shape (n, d); columns of other genes are not read.
        scales: Per gene the places of the gene values from 1 (or 0) on, ascending; None where nothing moves.
    """
    reachable = _reachable(automaton, X, scales)
    out, states = X.copy(), np.zeros(len(X), dtype=np.int64)
    for gene, step in enumerate(automaton.steps):
        scale = scales[gene]
        values = X[:, gene].astype(np.int64)
        first = len(step.run_of) - len(scale) if scale is not None else 0
        rows = np.flatnonzero(values >= first) if scale is not None else np.empty(0, dtype=np.int64)
        if scale is not None and len(rows):
            aims = wanted[rows, gene]
            middles = (scale[1:] + scale[:-1]) / 2
            nearest = np.searchsorted(middles, aims) + first
            ends = np.append(step.start[1:], len(step.run_of)) - 1
            starts = np.maximum(step.start, first)
            # In each run the value next to the nearest one; runs that lead nowhere are infinitely far.
            closest = np.clip(nearest[:, None], starts, ends)
            far = np.abs(scale[np.clip(closest - first, 0, len(scale) - 1)] - aims[:, None])
            after = step.next[states[rows]]
            goes_on = np.take_along_axis(reachable[gene + 1][rows], np.maximum(after, 0), axis=1) & (after >= 0)
            far = np.where(goes_on & (ends >= first), far, np.inf)
            values[rows] = closest[np.arange(len(rows)), far.argmin(axis=1)]
        out[:, gene] = values
        states = step.follow(states, values)
    return out


def _reachable(
    automaton: Automaton, X: Rows, scales: list[npt.NDArray[np.float64] | None]
) -> list[npt.NDArray[np.bool_]]:
    """From which states each row can be completed if only choices with a scale may change; (n, s) per gene."""
    out = [np.ones((len(X), int(automaton.steps[-1].next.max()) + 1), dtype=bool)]
    for gene in reversed(range(len(automaton.steps))):
        step, scale = automaton.steps[gene], scales[gene]
        values = X[:, gene].astype(np.int64)
        after = step.next[:, step.run_of[values]].T  # (n, s)
        good = np.take_along_axis(out[0], np.maximum(after, 0), axis=1) & (after >= 0)
        if scale is not None:
            first = len(step.run_of) - len(scale)
            any_run = np.zeros_like(good)
            for run in range(int(step.run_of[first]), len(step.start)):
                line = step.next[:, run]
                any_run |= out[0][:, np.maximum(line, 0)] & (line >= 0)
            good = np.where((values >= first)[:, None], any_run, good)
        out.insert(0, good)
    return out
