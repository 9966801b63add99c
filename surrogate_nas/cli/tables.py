"""``surrogate-nas tables``: what is measured, and how official files become tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, show_json, show_table
from surrogate_nas.core import SurrogateNASError

if TYPE_CHECKING:
    from surrogate_nas.tables import Table
    from surrogate_nas.tables.sources import Source

NAME = "tables"
EXAMPLE = "surrogate-nas tables info nas-bench-graph"

app = typer.Typer(help="Measured results: list, describe, download, import and export them.", rich_markup_mode=None)

Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]


@app.callback(invoke_without_command=True, epilog=f"Example:  {EXAMPLE}")
def command(context: typer.Context) -> None:
    """Measured results: list, describe, download, import and export them."""
    if context.invoked_subcommand is None:
        list_command(as_json=False)


@app.command("list", epilog="Example:  surrogate-nas tables list")
def list_command(as_json: JsonFlag = False) -> None:
    """List the tables on this machine, and the benchmarks that can be brought here."""
    from surrogate_nas.tables import list_tables, load_table, table_entries
    from surrogate_nas.tables.sources import sources

    embedded, known = table_entries(), sources()
    here: dict[str, Table] = {}
    damaged: list[dict[str, Any]] = []
    for name in list_tables():
        try:
            here[name] = load_table(name)
        except SurrogateNASError as error:  # one bad file does not hide the others
            damaged.append(
                {"name": name, "here": "damaged", "space": "", "architectures": None, "tasks": (str(error),)}
            )
    rows: list[dict[str, Any]] = [
        {
            "name": name, "here": "embedded" if name in embedded else "imported", "space": t.space.name,
            "architectures": len(t), "of": t.space.size, "tasks": t.tasks, "licence": t.info.licence, "size": "",
        }
        for name, t in here.items()
    ]  # fmt: skip
    rows += [
        {
            "name": s.name, "here": "download" if s.file().url else "browser", "space": s.space,
            "architectures": s.rows or None, "tasks": s.tasks, "licence": s.licence, "size": s.file().size,
        }
        for s in known.values()
        if s.name not in here
    ]  # fmt: skip
    rows += [{**d, "licence": "", "size": ""} for d in damaged]
    if as_json:
        show_json(rows)
        return
    cells = [
        [r["name"], r["here"], r["space"], _count(r["architectures"]), _few(r["tasks"]), r["licence"], r["size"]]
        for r in rows
    ]
    show_table(["table", "state", "space", "architectures", "tasks", "licence", "size"], cells, right=(3,))
    typer.echo("")
    typer.echo("  download: surrogate-nas tables download NAME; browser: surrogate-nas tables info NAME says the steps")


@app.command("info", epilog=f"Example:  {EXAMPLE}")
def info_command(
    table: Annotated[str, typer.Argument(help="A table's or benchmark's name, or a Parquet file.")],
    as_json: JsonFlag = False,
) -> None:
    """Say what a table holds, where it comes from and what to cite."""
    from surrogate_nas.tables import list_tables, load_table
    from surrogate_nas.tables.sources import page_of, sources

    source, page = sources().get(table), page_of(table)
    opened = None if source and table not in list_tables() else load_table(table)
    if as_json:
        about: dict[str, Any] = {} if source is None else {"benchmark": _source_json(source)}
        about |= {"name": table} if opened is None else _table_json(opened)
        show_json(about | {"page": None if page is None else str(page)})
        return
    if opened is not None:
        _show_opened(opened)
    if source is not None:
        _show_source(source, here=opened is not None)
    if page is not None:
        _labelled(("page", str(page)))


@app.command("download", epilog="Example:  surrogate-nas tables download nas-bench-macro")
def download_command(
    name: Annotated[str, typer.Argument(help="A benchmark's name.")],
    file: Annotated[str | None, typer.Option(help="Which of its files; default: the recommended one.")] = None,
    offline: Offline = False,
    as_json: JsonFlag = False,
) -> None:
    """Fetch a benchmark's official file, check it, and import it; an interrupted download goes on where it stopped."""
    from surrogate_nas.tables.obtaining import download_table

    with console_progress(silent=as_json) as progress:
        table = download_table(name, file=file, offline=offline, progress=progress)
    _imported(table, as_json)


@app.command("import", epilog="Example:  surrogate-nas tables import nas-bench-macro nas-bench-macro_cifar10.json")
def import_command(
    source: Annotated[str, typer.Argument(help="A benchmark's name, or csv or parquet for a file of your own.")],
    path: Annotated[Path, typer.Argument(help="The file, folder or archive as published.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the table; default: the benchmark's, or the file's.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="csv, parquet: the space's name, or its TOML file; suite-zero: its name.")
    ] = None,
    arch_column: Annotated[str | None, typer.Option(help="csv, parquet: column with the architectures.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="csv, parquet: a column as NAME=TASK:METRIC:SPLIT:EPOCHS:SEED:UNIT:DIRECTION, cut short."),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Accept fewer architectures than were published.")] = False,
    no_checksum: Annotated[bool, typer.Option("--no-checksum", help="Do not compare with the published one.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read an official file, or your own, and keep it as a table that opens by name."""
    from surrogate_nas.tables.obtaining import import_table

    given = {"space": space, "arch_column": arch_column, "columns": column or None, "partial": partial or None}
    options = {key: value for key, value in given.items() if value is not None}
    with console_progress(silent=as_json) as progress:
        table = import_table(source, path, name=name, verify=not no_checksum, progress=progress, **options)
    _imported(table, as_json)


@app.command("export", epilog="Example:  surrogate-nas tables export nas-bench-graph nas-bench-graph.csv")
def export_command(
    table: Annotated[str, typer.Argument(help="A table's name or Parquet file.")],
    path: Annotated[Path, typer.Argument(help="Where to write it: a .parquet or a .csv file.")],
) -> None:
    """Write a table to a file: Parquet, from which it opens again, or CSV for other programs."""
    from surrogate_nas.tables import load_table
    from surrogate_nas.tables.frames import export

    export(load_table(table), path)
    typer.echo(path)


def _count(n: int | None) -> str:
    return f"{n:,}" if n else ""


def _few(names: tuple[str, ...], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _imported(table: "Table", as_json: bool) -> None:
    if as_json:
        show_json(_table_json(table))
        return
    typer.echo(f"{table.name}: {len(table):,} architectures, {len(table.columns)} column(s)")
    typer.echo(f"{'next:':<9}surrogate-nas tables info {table.name}")


def _columns(table: "Table") -> list[tuple[Any, int, float]]:
    """Each column with how many values it has, and the best."""
    import numpy as np

    rows = []
    for column in table.columns:
        values = table.values(
            task=column.task, metric=column.metric, split=column.split, epochs=column.epochs, seed=column.seed
        )
        known = values[~np.isnan(values)]
        best = (known.max() if column.spec.direction == "max" else known.min()) if len(known) else np.nan
        rows.append((column, len(known), float(best)))
    return rows


def _table_json(table: "Table") -> dict[str, Any]:
    return {
        "name": table.name, "space": table.space.name, "architectures": len(table),
        "networks": len(set(table.networks().tolist())), "key": table.info.key, "source": table.info.source,
        "licence": table.info.licence, "citation": table.info.citation,
        "columns": [
            {"task": c.task, "metric": c.metric, "split": c.split, "epochs": c.epochs, "seed": c.seed,
             "unit": c.unit, "direction": c.spec.direction, "measured": n, "best": best}
            for c, n, best in _columns(table)
        ],
        "curves": [
            {"task": c.task, "metric": c.metric, "split": c.split, "epochs": c.epochs, "seed": c.seed, "unit": c.unit}
            for c in table.curves
        ],
    }  # fmt: skip


def _show_opened(table: "Table") -> None:
    networks = len(set(table.networks().tolist()))
    same = "" if networks == len(table) else f", {networks:,} different networks"
    part = "" if len(table) == table.space.size else f" of the {table.space.size:,}"
    typer.echo(f"{table.name}: {len(table):,}{part} architectures of space {table.space.name}{same}")
    _labelled(("source", table.info.source), ("licence", table.info.licence), ("cite", table.info.citation))
    show_table(
        ["task", "metric", "split", "epochs", "seed", "unit", "better", "measured", "best"],
        [
            [c.task, c.metric, c.split, str(c.epochs or ""), str("" if c.seed is None else c.seed), c.unit,
             {"max": "higher", "min": "lower"}[c.spec.direction], f"{n:,}", f"{best:.5g}"]
            for c, n, best in _columns(table)
        ],
        right=(3, 7, 8),
    )  # fmt: skip
    if table.curves:
        typer.echo(f"  and {len(table.curves)} columns of learning curves")


def _show_source(source: "Source", *, here: bool) -> None:
    if not here:
        rows = f"{source.rows:,} architectures of " if source.rows else ""
        typer.echo(f"{source.name}: {source.title}")
        _labelled(
            ("space", f"{rows}{source.space}"), ("tasks", ", ".join(source.tasks)), ("licence", source.licence),
            ("cite", source.citation), ("about", source.homepage),
        )  # fmt: skip
    for file in source.files:
        size = f" ({file.size})" if file.size else ""
        typer.echo(f"{'file:':<9}{file.name}{size}, {file.about}")
        for place in (file.url, file.page, *file.mirrors):
            if place:
                typer.echo(f"{'':<9}  {place}")
        if file.checksum:
            typer.echo(f"{'':<9}  {file.checksum}")
    file = source.file()
    typer.echo(
        f"{'get it:':<9}{f'surrogate-nas tables download {source.name}' if file.url else file.steps(source.name)}"
    )


def _source_json(source: "Source") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(source)


def _labelled(*pairs: tuple[str, str]) -> None:
    for label, text in pairs:
        if text:
            typer.echo(f"{label + ':':<9}{text}")
