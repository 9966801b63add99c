"""NAS-Bench-201: ``NAS-Bench-201-v1_0-e61699.pth`` and ``NAS-Bench-201-v1_1-096897.pth``, without torch.

A dict written by ``torch.save``: "meta_archs", the list of all architectures; "evaluated_indexes"; and
"arch2infos", which holds for each of them the records "less" (12 epochs) and "full" (200 epochs) that
:mod:`~surrogate_nas.tables.importers.arch_results` reads. Version 1.0 has the short schedule for
``cifar10-valid`` alone.

The file is one pickle, which cannot be read in parts: reading it takes about six times its size of
memory, 13 GB for version 1.0 and 28 GB for version 1.1. NATS-Bench's topology benchmark holds the same
architectures, trained with more seeds, in one small file each.
"""

from os import PathLike
from pathlib import Path

from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.tables.importers.arch_results import architectures_of, records_of, results_table
from surrogate_nas.tables.importers.reading import naming, say_memory
from surrogate_nas.tables.importers.torch_archive import load_torch
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table

#: Memory that reading takes, in multiples of the file's size: Python's numbers and dicts against their pickle.
MEMORY_FACTOR = 6


def read_nas_bench_201(
    path: "str | PathLike[str]",
    *,
    progress: Progress | None = None,
    partial: bool = False,
    curves: bool = True,
) -> Table:
    """Read a ``.pth`` file of NAS-Bench-201.

    Tasks "cifar10-valid", "cifar10", "cifar100" and "ImageNet16-120", each with its schedules and seeds as
    separate columns: accuracy in percent and loss on "train", "val", "test" and "val+test", ``train_time`` of
    the whole schedule in seconds, ``latency`` in seconds per batch, ``params`` and ``flops`` in millions.
    Task "cifar10-valid" was trained on half of the training images, "cifar10" on all of them.

    Args:
        path: The file.
        progress: Told what memory is needed, and how many architectures were gathered.
        partial: Accept a file with fewer architectures than were published.
        curves: Whether to keep learning curves, which take up to 1 GB.

    Raises:
        InvalidInputError: Not such a file, truncated, hostile or incomplete; the message begins with the path.
    """
    report = progress or Silent()
    file = Path(path)
    with naming(file):
        say_memory(report, file, MEMORY_FACTOR, "NATS-tss-v1_0-3ffb9-simple of NATS-Bench")
    content = load_torch(file)
    with naming(file):
        texts = architectures_of(content)
        records = records_of(content, len(texts))
        del content  # what was gathered from a record can go
        return results_table(
            get_space("nas-bench-201"),
            {i: texts[i] for i in records},
            records.pop,
            description=get_source("nas-bench-201").about,
            progress=report,
            partial=partial,
            curves=curves,
        )
