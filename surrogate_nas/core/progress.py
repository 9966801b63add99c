"""How long work tells what it is doing; the command line draws it, a library call stays silent."""

from typing import Protocol, final


class Progress(Protocol):
    """Listens to a long piece of work."""

    def say(self, text: str) -> None:
        """A step was finished or begins; one line of text."""
        ...

    def track(self, label: str, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` pieces of ``label`` are finished; called often. ``note``: how good, in a few words."""
        ...


@final
class Silent:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Ignore the line."""

    def track(self, label: str, done: int, total: int, note: str = "") -> None:
        """Ignore the count."""
