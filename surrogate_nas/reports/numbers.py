"""Numbers as words: one way to write each kind of quantity, wherever it stands."""

import math

#: Keeps a number and its unit on one line.
NBSP = "\N{NO-BREAK SPACE}"


def percent(mean: float, std: float = math.nan) -> str:
    """A fraction as per cent, with its standard deviation where there is one."""
    if not math.isfinite(mean):
        return "failed"
    return (
        f"{100 * mean:.2f}{NBSP}%" if not math.isfinite(std) else f"{100 * mean:.2f}{NBSP}±{NBSP}{100 * std:.2f}{NBSP}%"
    )


def points(value: float) -> str:
    """A signed difference in percentage points."""
    return f"{value:+.2f}".replace("-", "−")


def count(n: float, noun: str, plural: str | None = None) -> str:
    """``3 networks``, ``1 network``."""
    return f"{n:,.0f} {noun if n == 1 else plural or noun + 's'}"


def seconds(value: float) -> str:
    """A duration that a person can grasp."""
    if not math.isfinite(value):
        return "not known"
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 99.5:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def joined(items: "list[str]") -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
