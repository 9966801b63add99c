"""What a new task starts from: the space of its networks, and earlier tasks that were measured."""

from collections.abc import Mapping
from typing import final

from surrogate_nas.core import InvalidInputError, TaskData
from surrogate_nas.experiments.collection import mean_over_seeds
from surrogate_nas.spaces import SearchSpace, get_space
from surrogate_nas.spaces.catalogue import as_space
from surrogate_nas.tables import Table, load_table
from surrogate_nas.tables.catalogue import table_entries
from surrogate_nas.training import ArrayDataset, GraphDataset, list_datasets, load_dataset
from surrogate_nas.training.checking import readable_kinds
from surrogate_nas.training.datasets.described import is_described


@final
class EarlierTasks:
    """A space, and a table of earlier tasks; none where nothing was measured that helps.

    Attributes:
        space: The space of the new task's networks.
        table: Table of the earlier tasks, in this space or another one; None where there is none.
        tasks: Their names, without the new task's.
    """

    def __init__(self, space: SearchSpace, table: Table | None, new_task: str) -> None:
        self.space = space
        self.table = table
        self.tasks = tuple(task for task in (table.tasks if table else ()) if task != new_task)

    def sources(self) -> Mapping[str, TaskData]:
        """All rows of every earlier task with its default metric on validation, for ``MetaPredictor.fit``.

        Where architectures were trained several times the score is their mean.
        """
        if self.table is None:
            return {}
        elsewhere = None if self.table.space.name == self.space.name else self.table.space
        data = {task: mean_over_seeds(self.table, task=task) for task in self.tasks}
        return {task: TaskData(X, y, space=elsewhere) for task, (X, y) in data.items()}


def earlier_tasks(
    task: str | GraphDataset | ArrayDataset,
    *,
    space: str | SearchSpace | None = None,
    table: str | None = None,
) -> EarlierTasks:
    """Find the space and the earlier tasks that go with a new task.

    Args:
        task: The new task: name of a data set, path of a TOML file that describes one, or a data set.
        space: Space of the networks, its name or definition; None takes the table's, or that of the first embedded
            table whose networks read such data.
        table: Name or path of a table; None takes the first embedded one in this space that has other tasks.

    Raises:
        InvalidInputError: No embedded table has networks for such data, and no space was named.
        UnknownNameError: There is no such data set, space or table.
    """
    if isinstance(task, str) and is_described(task):
        task = load_dataset(task)
    name = task if isinstance(task, str) else task.name
    wanted = None if space is None else as_space(space)
    if table is not None:
        found = load_table(table)
        return EarlierTasks(found.space if wanted is None else wanted, found, name)
    for entry in table_entries().values():
        theirs = get_space(entry.space)
        fits = _reads(theirs, task) if wanted is None else theirs.name == wanted.name
        if fits and set(entry.tasks) - {name}:
            return EarlierTasks(theirs if wanted is None else wanted, load_table(entry.name), name)
    if wanted is None:
        raise InvalidInputError(
            f"task {name!r}: expected a space to search, as no embedded table has networks for such data; name one "
            "with space=..., or --space on the command line"
        )
    return EarlierTasks(wanted, None, name)


def _reads(space: SearchSpace, task: str | GraphDataset | ArrayDataset) -> bool:
    """Whether networks of a space read a data set; a name that no kind of data has fits everywhere."""
    kinds = readable_kinds(space)
    if not isinstance(task, str):
        return task.input_kind in kinds
    return task not in list_datasets() or any(task in list_datasets(kind) for kind in kinds)
