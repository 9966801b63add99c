"""Names of the zero-cost proxies, without what computes them: asking for a name loads nothing heavy."""

from collections.abc import Sequence

from surrogate_nas.core import InvalidInputError, UnknownNameError

#: The thirteen of NAS-Bench-Suite-Zero [1], cheapest first.
#:
#: References:
#:     [1] Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, https://arxiv.org/abs/2210.03230
PROXIES = (
    "params", "flops", "l2_norm", "synflow", "nwot", "zen", "grad_norm", "snip", "plain", "fisher", "jacov", "epe_nas",
    "grasp",
)  # fmt: skip


def checked_names(names: Sequence[str] | None) -> tuple[str, ...]:
    """The proxies asked for, in the order asked; None asks for all.

    Raises:
        UnknownNameError: There is no such proxy.
        InvalidInputError: A text instead of a list, no name, or a name twice.
    """
    if names is None:
        return PROXIES
    if isinstance(names, str) or not len(names) or len(set(names)) != len(names):
        raise InvalidInputError(f"names: expected a list of different proxies, got {names!r}")
    for name in names:
        if name not in PROXIES:
            raise UnknownNameError.of("proxy", name, PROXIES)
    return tuple(names)
