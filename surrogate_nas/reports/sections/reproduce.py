"""The command, the versions, the settings."""

import shlex
from collections.abc import Mapping
from typing import Any

from surrogate_nas.reports.markup import Html, code, facts, html, paragraph, tag
from surrogate_nas.reports.numbers import joined
from surrogate_nas.reports.run import Run
from surrogate_nas.spaces import get_space, list_spaces
from surrogate_nas.training import list_datasets, load_dataset
from surrogate_nas.training.checking import readable_kinds


def reproduce(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    columns = (
        ("Machine", _machine(run)),
        ("Versions", [(name, version) for name, version in run.versions.items()]),
        ("Settings", _flat(run.config)),
    )
    return [
        *_how(run),
        tag("div", *(tag("div", tag("h3", title), facts(pairs)) for title, pairs in columns), class_="columns three"),
        paragraph(
            "All of this is in ", code("run.json"), "; every training is a line of ", code("trainings.jsonl"),
            "; the chosen network's weights are in ", code("best/"), ", the adapted predictor is in ",
            code("predictor/"), ".", class_="note",
        ),
    ]  # fmt: skip


def command(run: Run) -> str:
    """The command line that does the same again, in a folder of its own.

    Args:
        run: The run.
    """
    budget, config = run.budget, run.config
    options: dict[str, Any] = {
        "task": run.task, "space": run.space, "table": config.get("table"), "support": budget.support,
        "further": budget.further, "rounds": budget.rounds, "finalists": budget.finalists, "seeds": budget.seeds,
        "strategy": config.get("strategy"), "seed": config.get("seed"), "epochs": run.epochs, "run-dir": "runs/again",
    }  # fmt: skip
    given = (f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None)
    return " ".join(("surrogate-nas run", *given))


def _how(run: Run) -> list[Html]:
    if not _comes_with_the_package(run):
        words = (
            "The new task is data of the user's own: repeat the run with the same data and these settings, from Python "
            "or, where a TOML file describes the data, with surrogate-nas run --task and that file."
        )
        return [paragraph(words)]
    note = (
        "With the same versions on the same kind of machine the numbers are meant to be the same, whatever the number "
        "of processes; elsewhere trainings can differ by rounding, which grows with every step."
    )
    return [tag("pre", code(command(run))), paragraph(note, class_="note")]


def _comes_with_the_package(run: Run) -> bool:
    """Whether the task's name and its data are those of the catalogue: a user's own data may carry any name."""
    kinds = readable_kinds(get_space(run.space)) if run.space in list_spaces() else ()
    return any(
        run.task in list_datasets(kind) and load_dataset(run.task, kind).descriptors() == run.data for kind in kinds
    )


def _machine(run: Run) -> list[tuple[object, object]]:
    commit = run.commit
    changed = " with local changes" if commit and commit.endswith("+") else ""
    return [
        ("platform", run.platform),
        ("processors", run.processors),
        ("trained on", joined(sorted({result.device for result in run.trainings}))),
        ("threads", ", ".join(f"{name}={n}" for name, n in run.threads.items()) or "as the libraries choose"),
        ("commit", html(code(commit.rstrip("+")[:12]), changed) if commit else "none: an installed package"),
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        pairs += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", str(value))]
    return pairs
