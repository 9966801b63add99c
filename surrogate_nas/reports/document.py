"""One HTML file that needs nothing else: no network, light and dark, on paper and on a phone."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template

from surrogate_nas import __version__
from surrogate_nas.core import InvalidInputError
from surrogate_nas.reports.markup import Html, html, tag
from surrogate_nas.reports.palette import DARK, LIGHT


def document(
    title: str,
    header: Html,
    sections: Sequence[tuple[str, str, list[Html]]],
    origin: str,
    *,
    style: str = "",
    data: Html | None = None,
    scripts: Sequence[str] = (),
) -> str:
    """The whole page as text; the same parts give the same text.

    The browser is told to load nothing, and to run nothing but ``scripts``, word for word.

    Args:
        title: Title of the window.
        header: What stands at the top.
        sections: Name in links, heading and content of each.
        origin: Where the numbers come from, one sentence for the foot.
        style: Style sheet of this page alone.
        data: JSON for the scripts, the element ``#data``.
        scripts: JavaScript, run in this order once everything else is there.
    """
    own = files("surrogate_nas.reports")
    contents = tag("nav", *(tag("a", name, href=f"#{anchor}") for anchor, name, _ in sections), aria_label="Contents")
    parts = [tag("section", tag("h2", name), *content, id=anchor) for anchor, name, content in sections]
    return Template((own / "page.html").read_text(encoding="utf-8")).substitute(
        title=html(title),
        policy=_policy(scripts),
        style=_variables() + (own / "page.css").read_text(encoding="utf-8") + style,
        header=header,
        contents=contents,
        sections=Html("\n".join(parts)),
        version=html(__version__),
        origin=html(origin),
        scripts=_elements(data, scripts),
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


def make_folder(folder: str | Path) -> None:
    """Make a folder, and those it stands in.

    Raises:
        InvalidInputError: It cannot be made.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"{str(folder)!r}: expected a folder that can be written to, got {error.strerror}; choose another"
        ) from None


def _policy(scripts: Sequence[str]) -> str:
    """What the page may do (Content-Security-Policy): scripts are named by what they say."""
    nothing = "default-src 'none'; style-src 'unsafe-inline'"
    if not scripts:
        return nothing
    named = " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return f"{nothing}; img-src data: blob:; script-src {named}"  # images: figures that a reader saves


def _elements(data: Html | None, scripts: Sequence[str]) -> str:
    given = [] if data is None else [f'<script type="application/json" id="data">{data}</script>\n']
    return "".join([*given, *(f"<script>{text}</script>\n" for text in scripts)])


def _variables() -> str:
    light, dark = (" ".join(f"--{role}: {colour};" for role, colour in roles.items()) for roles in (LIGHT, DARK))
    # Paper is light whatever the screen is.
    return f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
