"""``surrogate-nas tables``: what is measured."""

from typing import Annotated

import typer

from surrogate_nas.cli.console import JsonFlag, show_json, show_table

NAME = "tables"
EXAMPLE = "surrogate-nas tables nas-bench-graph"


def command(
    table: Annotated[str | None, typer.Argument(help="A table's name or Parquet file; none lists them all.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the tables, or say what one of them holds."""
    import numpy as np

    from surrogate_nas.tables import list_tables, load_table

    if table is None:
        tables = [load_table(name) for name in list_tables()]
        if as_json:
            show_json(
                [{"name": t.name, "space": t.space.name, "architectures": len(t), "tasks": t.tasks} for t in tables]
            )
            return
        show_table(
            ["table", "space", "architectures", "tasks"],
            [[t.name, t.space.name, f"{len(t):,}", ", ".join(t.tasks)] for t in tables],
            right=(2,),
        )
        return
    opened = load_table(table)
    rows = []
    for column in opened.columns:
        values = opened.values(
            task=column.task, metric=column.metric, split=column.split, epochs=column.epochs, seed=column.seed
        )
        known = values[~np.isnan(values)]
        best = (known.max() if column.spec.direction == "max" else known.min()) if len(known) else np.nan
        rows.append((column, len(known), float(best)))
    if as_json:
        show_json(
            {
                "name": opened.name, "space": opened.space.name, "architectures": len(opened), "key": opened.info.key,
                "source": opened.info.source, "licence": opened.info.licence, "citation": opened.info.citation,
                "columns": [
                    {"task": c.task, "metric": c.metric, "split": c.split, "epochs": c.epochs, "seed": c.seed,
                     "unit": c.unit, "direction": c.spec.direction, "measured": n, "best": best}
                    for c, n, best in rows
                ],
            }
        )  # fmt: skip
        return
    typer.echo(f"{opened.name}: {len(opened):,} architectures of space {opened.space.name}")
    for label, text in (
        ("source", opened.info.source),
        ("licence", opened.info.licence),
        ("cite", opened.info.citation),
    ):
        if text:
            typer.echo(f"{label + ':':<9}{text}")
    show_table(
        ["task", "metric", "split", "epochs", "seed", "unit", "better", "measured", "best"],
        [
            [c.task, c.metric, c.split, str(c.epochs or ""), str("" if c.seed is None else c.seed), c.unit,
             {"max": "higher", "min": "lower"}[c.spec.direction], f"{n:,}", f"{best:.5g}"]
            for c, n, best in rows
        ],
        right=(3, 7, 8),
    )  # fmt: skip
