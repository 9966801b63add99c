"""Write the page: the run's numbers, put into sections, put into one HTML file that needs nothing else."""

from pathlib import Path

from surrogate_nas.reports.document import document, write_page
from surrogate_nas.reports.headline import headline
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
    return write_page(run.folder / PAGE_NAME, render(run))


def render(run: Run) -> str:
    """The whole page as text; the same run gives the same text."""
    return document(
        f"{run.task}: surrogate_nas report",
        headline(run),
        [(part.anchor, part.title, part.write(run)) for part in SECTIONS],
        "Everything on this page comes from the files beside it in the run folder.",
    )
