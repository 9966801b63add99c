"""Write the page: the run's numbers, put into sections, put into one HTML file that needs nothing else."""

from importlib.resources import files
from pathlib import Path
from string import Template

from surrogate_nas import __version__
from surrogate_nas.core import InvalidInputError
from surrogate_nas.reports.headline import headline
from surrogate_nas.reports.markup import Html, html, tag
from surrogate_nas.reports.palette import DARK, LIGHT
from surrogate_nas.reports.run import Run, read_run
from surrogate_nas.reports.sections import SECTIONS

#: Name of the page inside the run folder.
PAGE_NAME = "report.html"


def write_report(run_dir: str | Path) -> Path:
    """Write ``report.html`` into the folder of a finished run.

    The page is one file: no network, no script. It reads in light and dark mode, on paper and on a phone.

    Args:
        run_dir: Folder that the main job wrote.

    Returns:
        Where the page is.

    Raises:
        InvalidInputError: It is no such folder, the run has not finished, a file is damaged, or the page
            cannot be written.
    """
    run = read_run(run_dir)
    path = run.folder / PAGE_NAME
    text = render(run)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"{str(path)!r}: expected a file that can be written, got {error.strerror}; make the folder writable, or "
            "copy it elsewhere"
        ) from None
    return path


def render(run: Run) -> str:
    """The whole page as text; the same run gives the same text."""
    own = files("surrogate_nas.reports")
    contents = tag("nav", *(tag("a", part.title, href=f"#{part.anchor}") for part in SECTIONS), aria_label="Contents")
    parts = [tag("section", tag("h2", part.title), *part.write(run), id=part.anchor) for part in SECTIONS]
    return Template((own / "page.html").read_text(encoding="utf-8")).substitute(
        title=html(f"{run.task}: surrogate_nas report"),
        style=_variables() + (own / "page.css").read_text(encoding="utf-8"),
        header=headline(run),
        contents=contents,
        sections=Html("\n".join(parts)),
        version=html(__version__),
    )


def _variables() -> str:
    light, dark = (" ".join(f"--{role}: {colour};" for role, colour in roles.items()) for roles in (LIGHT, DARK))
    # Paper is light whatever the screen is.
    return f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
