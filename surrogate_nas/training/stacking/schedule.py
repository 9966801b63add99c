"""Which calls of several networks are done together, and in which order.

Calls of equal kind in the same block that are ready at the same time become one step, wherever in the block they
stand. Networks go from block to block together. Within one, of the kinds that are ready the one goes first whose calls
that are still to be done stand nearest to the beginning on average: the others are likely to gain company [1].

References:
    [1] Neubig, Goldberg, Dyer: On-the-fly Operation Batching in Dynamic Computation Graphs, NIPS 2017,
        https://arxiv.org/abs/1705.07860
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain

from surrogate_nas.training.stacking.tracing import Call, Program

#: Number of a network, and of a value or of a call in it.
Place = tuple[int, int]


@dataclass(frozen=True)
class Gather:
    """Where the slots of a tensor come from.

    Attributes:
        sources: Numbers of wide values: 0 is the input, step s makes s + 1.
        index: Per slot of the result the slots that are summed, of all sources one behind the other; -1 for none.
    """

    sources: tuple[int, ...]
    index: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Step:
    """Calls that are done together.

    Attributes:
        call: One of them.
        members: Network and call, one per slot; of a function without weights, which may be computed for other slots
            of what it reads as well, in any slots.
        reads: What is read, one per argument; of a sum all addends in one.
    """

    call: Call
    members: tuple[Place, ...]
    reads: tuple[Gather, ...]


@dataclass(frozen=True)
class Schedule:
    """A program for all networks.

    Attributes:
        steps: In the order in which they are done.
        outputs: What the networks give, one slot per network.
        widths: Slots of the input and of every step.
    """

    steps: tuple[Step, ...]
    outputs: tuple[Gather, ...]
    widths: tuple[int, ...]


def schedule(programs: Sequence[Program]) -> Schedule:
    """Arrange the calls of several networks in steps.

    Args:
        programs: What each network computes; all give equally many values.
    """
    made = _Values(programs)
    waiting = _Waiting(programs)
    steps: list[Step] = []
    while kind := waiting.next_kind():
        members = sorted(waiting.take(kind), key=lambda m: made.places(_args(programs, m), m[0]))
        calls = [programs[p].calls[c] for p, c in members]
        if calls[0].what[0] == "sum":
            reads = [made.gather([[(p, v) for v in call.args] for (p, _), call in zip(members, calls, strict=True)])]
        else:
            columns = zip(*(call.args for call in calls), strict=True)
            reads = [made.gather([[(p, v)] for (p, _), v in zip(members, column, strict=True)]) for column in columns]
        slots = list(range(len(members)))
        if calls[0].pure and len(reads[0].sources) == 1:
            # Cheaper for all slots than to pick out some.
            slots, reads = [index[0] for index in reads[0].index], [made.whole(reads[0].sources[0])]
        steps.append(Step(calls[0], tuple(members), tuple(reads)))
        made.add([(p, c + 1) for p, c in members], slots, len(reads[0].index))
    outputs = zip(*(program.outputs for program in programs), strict=True)
    gathers = tuple(made.gather([[place] for place in enumerate(column)]) for column in outputs)
    return Schedule(tuple(steps), gathers, tuple(made.widths))


def _args(programs: Sequence[Program], member: Place) -> tuple[int, ...]:
    p, c = member
    return programs[p].calls[c].args


class _Values:
    """Where each value of each network lies: in which wide value, and in which slot there."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.widths: list[int] = []
        self._at: dict[Place, tuple[int, int]] = {}
        n = len(programs)
        self.add([(p, 0) for p in range(n)], range(n), n)

    def add(self, places: Sequence[Place], slots: Sequence[int], width: int) -> None:
        """One more wide value, with these values in these slots."""
        self._at |= {place: (len(self.widths), slot) for place, slot in zip(places, slots, strict=True)}
        self.widths.append(width)

    def whole(self, source: int) -> Gather:
        """A wide value as it is."""
        return Gather((source,), tuple((slot,) for slot in range(self.widths[source])))

    def places(self, values: Sequence[int], p: int) -> list[tuple[int, int]]:
        return [self._at[p, v] for v in values]

    def gather(self, summed: Sequence[Sequence[Place]]) -> Gather:
        """How these sums of values are brought together."""
        found = [[self._at[place] for place in slot] for slot in summed]
        sources = sorted({source for slot in found for source, _ in slot})
        first, offset = {}, 0
        for source in sources:
            first[source] = offset
            offset += self.widths[source]
        most = max(map(len, found))
        index = [[first[source] + i for source, i in slot] + [-1] * (most - len(slot)) for slot in found]
        return Gather(tuple(sources), tuple(map(tuple, index)))


#: A block and what is computed there.
_Kind = tuple[int, Hashable]


class _Waiting:
    """The calls that are still to be done."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._ready: defaultdict[_Kind, list[Place]] = defaultdict(list)
        self._missing: dict[Place, int] = {}
        self._readers: defaultdict[Place, list[Place]] = defaultdict(list)
        self._kinds: dict[Place, _Kind] = {}
        self._depth: dict[Place, int] = {}
        self._total: Counter[_Kind] = Counter()
        self._count: Counter[_Kind] = Counter()
        for p, program in enumerate(programs):
            for c, call in enumerate(program.calls):
                needed = {v - 1 for v in (*call.args, call.after + 1) if v}
                within = (self._depth[p, v] for v in needed if program.calls[v].block == call.block)
                kind, depth = (call.block, call.what), 1 + max(within, default=0)
                self._kinds[p, c], self._depth[p, c], self._missing[p, c] = kind, depth, len(needed)
                self._total[kind] += depth
                self._count[kind] += 1
                for v in needed:
                    self._readers[p, v].append((p, c))
                if not needed:
                    self._ready[kind].append((p, c))

    def next_kind(self) -> _Kind | None:
        """The kind that goes first; None when all is done."""
        return min(self._ready, key=lambda kind: (kind[0], self._total[kind] / self._count[kind]), default=None)

    def take(self, kind: _Kind) -> list[Place]:
        """All ready calls of a kind; they count as done."""
        members = self._ready.pop(kind)
        self._total[kind] -= sum(self._depth[member] for member in members)
        self._count[kind] -= len(members)
        for reader in chain.from_iterable(self._readers[member] for member in members):
            self._missing[reader] -= 1
            if not self._missing[reader]:
                self._ready[self._kinds[reader]].append(reader)
        return members
