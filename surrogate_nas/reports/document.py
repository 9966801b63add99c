"""One HTML file that needs nothing else: no network, no script, light and dark, on paper and on a phone."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from surrogate_nas import __version__
from surrogate_nas.core import InvalidInputError
from surrogate_nas.reports.markup import Html, html, tag
from surrogate_nas.reports.palette import DARK, LIGHT


def document(title: str, header: Html, sections: Sequence[tuple[str, str, list[Html]]], origin: str) -> str:
    """The whole page as text; the same parts give the same text.

    Args:
        title: Title of the window.
        header: What stands at the top.
        sections: Name in links, heading and content of each.
        origin: Where the numbers come from, one sentence for the foot.
    """
    own = files("surrogate_nas.reports")
    contents = tag("nav", *(tag("a", name, href=f"#{anchor}") for anchor, name, _ in sections), aria_label="Contents")
    parts = [tag("section", tag("h2", name), *content, id=anchor) for anchor, name, content in sections]
    return Template((own / "page.html").read_text(encoding="utf-8")).substitute(
        title=html(title),
        style=_variables() + (own / "page.css").read_text(encoding="utf-8"),
        header=header,
        contents=contents,
        sections=Html("\n".join(parts)),
        version=html(__version__),
        origin=html(origin),
    )


def write_page(path: Path, text: str) -> Path:
    """Write a page and return where it is.

    Args:
        path: File to write.
        text: The page.

    Raises:
        InvalidInputError: The file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"{str(path)!r}: expected a file that can be written, got {error.strerror}; make the folder writable, or "
            "copy it elsewhere"
        ) from None
    return path


def _variables() -> str:
    light, dark = (" ".join(f"--{role}: {colour};" for role, colour in roles.items()) for roles in (LIGHT, DARK))
    # Paper is light whatever the screen is.
    return f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
