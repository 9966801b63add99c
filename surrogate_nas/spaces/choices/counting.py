"""Exact counting over sequences of choices: a deterministic automaton reads a row gene by gene.

Its state holds only what later genes depend on: earlier values that a condition still refers to, and
the totals of limits that are still open. Values that nobody can tell apart form runs of consecutive
numbers, so that a width from 16 to 1024 costs one column of a table. For each state, Python integers
count the ways to complete the row; transitions that no valid row takes are cut. Size, validity,
position in the enumeration and uniform samples follow from walks through these tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.choices.choice import Choice, Conditions, Limit

Rows = npt.NDArray[np.int16]
States = npt.NDArray[np.int64]

#: States per gene; beyond this the conditions remember too much to count with tables.
MAX_STATES = 2**15

#: Genes by number, each with the values that permit something.
_Coded = tuple[tuple[int, frozenset[int]], ...]

#: Values still referred to, by gene, and the totals of open limits.
_State = tuple[tuple[tuple[int, int], ...], tuple[int | None, ...]]


@final
@dataclass(frozen=True)
class Step:
    """How the automaton reads one gene; s states before it, r runs of values.

    Attributes:
        optional: Whether 0 is a choice, and not only the sign of a choice that is not made.
        run_of: Run of each value, shape (values,).
        start: First value of each run, shape (r,).
        next: State after each run, -1 where no valid row goes on from there; shape (s, r).
        active: Whether the choice is made (or may be, if optional), shape (s,).
        ways: Completions per value of the run, shape (s, r).
        before: Completions by values of earlier runs, shape (s, r).
        until: Share of completions by values of this and earlier runs, shape (s, r).
        allowed: Number of values that valid rows take, shape (s,).
        allowed_before: Number of them in earlier runs, shape (s, r).
    """

    optional: bool
    run_of: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    next: npt.NDArray[np.int64]
    active: npt.NDArray[np.bool_]
    ways: npt.NDArray[Any]
    before: npt.NDArray[Any]
    until: npt.NDArray[np.float64]
    allowed: npt.NDArray[np.int64]
    allowed_before: npt.NDArray[np.int64]

    def follow(self, states: States, values: npt.NDArray[Any]) -> States:
        """The states after values, -1 where no valid row goes on from there."""
        return self.next[states, self.run_of[values]]

    def rank(self, states: States, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Number of each value among those that valid rows take at its state."""
        runs = self.run_of[values]
        return self.allowed_before[states, runs] + values - self.start[runs]

    def pick(self, states: States, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Inverse of :meth:`rank`."""
        runs = (self.allowed_before[states] <= ranks[:, None]).sum(axis=1) - 1
        return self.start[runs] + ranks - self.allowed_before[states, runs]


@final
class Automaton:
    """The rows that choices and limits permit, counted."""

    def __init__(self, name: str, choices: Sequence[Choice], limits: Sequence[Limit]) -> None:
        """Find all states and count.

        Args:
            name: Name of the space, for messages.
            choices: One per gene.
            limits: What totals have to keep.

        Raises:
            InvalidInputError: A condition names a choice that does not come before, too many states, or no valid row.
        """
        self.name = name
        rules = _Rules(choices, limits)
        levels = [{rules.start: 0}]
        tables = []
        for gene in range(len(choices)):
            tables.append(rules.table(gene, levels))
            if len(levels[-1]) > MAX_STATES:
                raise InvalidInputError(
                    f"space {name!r}: expected at most {MAX_STATES:,} different states after choice "
                    f"{choices[gene].name!r}, got more; let conditions and limits refer to fewer options"
                )
        counts = [1] * len(levels[-1])
        steps = []
        for gene in reversed(range(len(choices))):
            step, counts = _step(choices[gene], rules.starts[gene], *tables[gene], counts)
            steps.append(step)
        self.size = counts[0]
        if not self.size:
            raise InvalidInputError(f"space {name!r}: expected choices that can be made, got none; relax the limits")
        self.dtype = np.dtype(np.int64 if self.size < 2**63 else object)
        self.steps = tuple(step if self.dtype == object else _as_int64(step) for step in reversed(steps))

    def walk(self, X: Rows) -> States:
        """States before each gene and after the last, -1 from where a row is not valid; shape (n, d + 1).

        Args:
            X: Rows with all genes in range.
        """
        states = np.zeros((len(X), len(self.steps) + 1), dtype=np.int64)
        for gene, step in enumerate(self.steps):
            # What follows -1 is -1: the last state's line is read and thrown away.
            after = step.follow(states[:, gene], X[:, gene])
            states[:, gene + 1] = np.where(states[:, gene] < 0, -1, after)
        return states

    def positions(self, X: Rows) -> npt.NDArray[Any]:
        """Position of each valid row among all, in ascending order of rows; shape (n,)."""
        states = np.zeros(len(X), dtype=np.int64)
        out = np.zeros(len(X), dtype=self.dtype)
        for gene, step in enumerate(self.steps):
            runs = step.run_of[X[:, gene]]
            out += step.before[states, runs] + step.ways[states, runs] * (X[:, gene] - step.start[runs])
            states = step.next[states, runs]
        return out

    def rows_at(self, positions: npt.NDArray[Any]) -> Rows:
        """Inverse of :meth:`positions`; shape (n, d)."""
        left = positions.astype(self.dtype)
        states = np.zeros(len(left), dtype=np.int64)
        out = np.empty((len(left), len(self.steps)), dtype=np.int16)
        for gene, step in enumerate(self.steps):
            # Runs without completions share their boundary with the next one, so the last that fits is the one.
            runs = (step.before[states] <= left[:, None]).sum(axis=1) - 1
            left = left - step.before[states, runs]
            ways = step.ways[states, runs]
            inside = left // ways
            left = left - inside * ways
            out[:, gene] = step.start[runs] + inside.astype(np.int64)
            states = step.next[states, runs]
        return out

    def draw(self, n: int, rng: np.random.Generator) -> Rows:
        """Draw valid rows uniformly; shape (n, d)."""
        states = np.zeros(n, dtype=np.int64)
        out = np.empty((n, len(self.steps)), dtype=np.int16)
        for gene, step in enumerate(self.steps):
            runs = (step.until[states] <= rng.random(n)[:, None]).sum(axis=1)
            lengths = np.diff(step.start, append=len(step.run_of))[runs]
            out[:, gene] = step.start[runs] + (rng.random(n) * lengths).astype(np.int64)
            states = step.next[states, runs]
        return out


class _Rules:
    """Choices and limits by number instead of by name."""

    def __init__(self, choices: Sequence[Choice], limits: Sequence[Limit]) -> None:
        self.choices, self.limits = choices, limits
        number = {choice.name: gene for gene, choice in enumerate(choices)}
        self.when = [self._coded(c.when, number, gene, f"choice {c.name!r}, when") for gene, c in enumerate(choices)]
        self.needs: list[dict[int, _Coded]] = [
            {
                c.value(option, "needs"): self._coded(needed, number, gene, f"choice {c.name!r}, needs of {option}")
                for option, needed in c.needs.items()
            }
            for gene, c in enumerate(choices)
        ]
        self.amounts: list[list[dict[int, int]]] = [[{} for _ in limits] for _ in choices]
        self.last_amount = [0] * len(limits)
        for k, limit in enumerate(limits):
            for name, amounts in limit.amounts.items():
                gene = _number(name, number, len(choices), "limit")
                given = {choices[gene].value(o, "limit"): amount for o, amount in amounts.items()}
                self.amounts[gene][k] = given
                self.last_amount[k] = max(self.last_amount[k], gene)
        # Who refers to a gene, and until when its value has to be remembered.
        self.asked: list[list[frozenset[int]]] = [[] for _ in choices]
        self.last_asked = [-1] * len(choices)
        for gene in range(len(choices)):
            for coded in (self.when[gene], *self.needs[gene].values()):
                for earlier, values in coded:
                    self.asked[earlier].append(values)
                    self.last_asked[earlier] = max(self.last_asked[earlier], gene)
        self.kinds = [self._kinds(gene) for gene in range(len(choices))]
        self.starts = [
            np.flatnonzero([v == 0 or kinds[v] != kinds[v - 1] for v in range(len(kinds))]) for kinds in self.kinds
        ]
        self.start: _State = ((), tuple(int(limit.product) for limit in limits))

    def _coded(self, conditions: Conditions, number: dict[str, int], gene: int, what: str) -> _Coded:
        out = []
        for name, options in conditions.items():
            earlier = _number(name, number, gene, what)
            choice = self.choices[earlier]
            chosen = choice.texts if options is None else options
            out.append((earlier, frozenset(choice.value(o, what) for o in chosen)))
        return tuple(out)

    def _kinds(self, gene: int) -> list[int]:
        """For each value the first one that nothing tells apart from it."""
        first: dict[object, int] = {}
        kinds = []
        for v in range(self.choices[gene].cardinality):
            amounts = tuple(given.get(v) for given in self.amounts[gene])
            known = tuple(v in values for values in self.asked[gene])
            sign = (v >= self.choices[gene].first, self.needs[gene].get(v), amounts, known)
            kinds.append(first.setdefault(sign, v))
        return kinds

    def table(self, gene: int, levels: list[dict[_State, int]]) -> tuple[npt.NDArray[np.int64], list[bool]]:
        """Transitions of one gene, and whether its choice is made; finds the states that follow."""
        after: dict[_State, int] = {}
        out = np.full((len(levels[-1]), len(self.starts[gene])), -1, dtype=np.int64)
        active = []
        for state, line in levels[-1].items():
            memory = dict(state[0])
            active.append(_hold(self.when[gene], memory))
            for run, start in enumerate(self.starts[gene].tolist()):
                value = self.kinds[gene][start]
                made = value >= self.choices[gene].first
                if made != active[-1] and not (active[-1] and self.choices[gene].optional):
                    continue
                if not _hold(self.needs[gene].get(value, ()), memory):
                    continue
                reached = self._after(gene, value, state)
                if reached is not None:
                    out[line, run] = after.setdefault(reached, len(after))
            if len(after) > MAX_STATES:
                break
        levels.append(after)
        return out, active

    def _after(self, gene: int, value: int, state: _State) -> _State | None:
        """The state after a value, None where it breaks a limit."""
        memory = tuple(item for item in (*state[0], (gene, value)) if self.last_asked[item[0]] > gene)
        totals: list[int | None] = []
        for k, (limit, total) in enumerate(zip(self.limits, state[1], strict=True)):
            if total is not None:
                amount = self.amounts[gene][k].get(value)
                if amount is not None:
                    total = total * amount if limit.product else total + amount
                if limit.most is not None and total > limit.most:
                    return None
                if gene == self.last_amount[k]:  # settled: what follows need not know it
                    if limit.least is not None and total < limit.least:
                        return None
                    total = None
            totals.append(total)
        return memory, tuple(totals)


def _number(name: str, number: dict[str, int], limit: int, what: str) -> int:
    """Gene of a choice that comes before gene ``limit``."""
    if number.get(name, limit) >= limit:
        raise InvalidInputError(
            f"{what}: expected the name of {'a' if limit == len(number) else 'an earlier'} choice, got {name!r}; "
            f"the choices are {', '.join(number)[:200]}"
        )
    return number[name]


def _hold(conditions: _Coded, memory: dict[int, int]) -> bool:
    return all(memory[gene] in values for gene, values in conditions)


def _step(
    choice: Choice,
    starts: npt.NDArray[np.int64],
    following: npt.NDArray[np.int64],
    active: list[bool],
    counts: list[int],
) -> tuple[Step, list[int]]:
    """Tables of one gene, and completions per state before it, from completions per state after it."""
    lengths = np.diff(starts, append=choice.cardinality)
    ways = np.array([*counts, 0], dtype=object)[following]  # -1, no state, finds the 0
    following = np.where(ways > 0, following, -1)
    weights = ways * lengths.astype(object)
    totals = np.cumsum(weights, axis=1)
    whole = np.maximum(totals[:, -1:], 1)
    allowed = np.cumsum(np.where(following >= 0, lengths, 0), axis=1)
    step = Step(
        optional=choice.optional,
        run_of=np.repeat(np.arange(len(starts)), lengths),
        start=starts,
        next=following,
        active=np.array(active, dtype=bool),
        ways=ways,
        before=totals - weights,
        until=(totals / whole).astype(np.float64),  # quotients of integers, each rounded once
        allowed=allowed[:, -1],
        allowed_before=allowed - np.where(following >= 0, lengths, 0),
    )
    return step, totals[:, -1].tolist()


def _as_int64(step: Step) -> Step:
    return replace(step, ways=step.ways.astype(np.int64), before=step.before.astype(np.int64))
