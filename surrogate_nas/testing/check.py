"""Does a space of one's own honour the contract? One call, one line per promise."""

from dataclasses import dataclass
from os import PathLike

import numpy as np

from surrogate_nas.spaces import SearchSpace, get_space
from surrogate_nas.testing.space import CHECKS


@dataclass(frozen=True)
class SpaceReport:
    """What a space keeps of the contract, and what it breaks; true if it keeps all of it.

    Attributes:
        space: The space.
        kept: What every space promises and this one keeps, in words.
        broken: What it breaks, in words, with what was seen.
    """

    space: SearchSpace
    kept: tuple[str, ...]
    broken: dict[str, str]

    def __bool__(self) -> bool:
        return not self.broken

    def __str__(self) -> str:
        lines = [f"{self.space!r}", *(f"  kept    {promise}" for promise in self.kept)]
        lines += [f"  BROKEN  {promise}\n          {seen}" for promise, seen in self.broken.items()]
        return "\n".join(lines)

    __repr__ = __str__


def check_space(space: "SearchSpace | str | PathLike[str]", *, runs: int = 3, seed: int = 0) -> SpaceReport:
    """Try a space on architectures drawn from it, against everything that encoders, tables and strategies rely on.

        print(sn.check_space("my-cells.toml"))

    Args:
        space: The space, its name, or the path of the TOML file that defines it.
        runs: With how many draws of architectures each promise is tried.
        seed: Of the draws.

    Raises:
        InvalidInputError: The file defines no space.
        UnknownNameError: No space has that name.
    """
    found = space if isinstance(space, SearchSpace) else get_space(space)
    kept, broken = [], {}
    for check in CHECKS:
        promise = (check.__doc__ or check.__name__).splitlines()[0].rstrip(".")
        try:
            for run in range(runs):
                check(found, np.random.default_rng([seed, run]))
        except Exception as error:  # noqa: BLE001  (whatever a user's own class raises is what there is to report)
            seen = " ".join(str(error).split())
            broken[promise] = f"{type(error).__name__}{': ' if seen else ''}{seen:.300}"
        else:
            kept.append(promise)
    return SpaceReport(found, tuple(kept), broken)
