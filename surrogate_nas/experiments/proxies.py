"""Zero-cost proxies of many architectures: kept one by one, so that what was stopped goes on."""

import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.execution import Executor, WorkerDied, run_all
from surrogate_nas.experiments.run_log import RunLog
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.training import ArrayDataset, Trainer
from surrogate_nas.training.proxies import ProxyBatch, ProxyScorer, ProxyScores, data_batch
from surrogate_nas.training.proxies.batches import BATCH_SIZE

if TYPE_CHECKING:
    import pandas as pd

#: The log inside a run folder.
PROXY_LOG = "proxies.jsonl"

#: Name of the index of a table of proxies.
ARCHITECTURE = "architecture"


def proxy_table(
    space: SearchSpace,
    X: npt.ArrayLike,
    data: ProxyBatch | ArrayDataset | str,
    *,
    names: Sequence[str] | None = None,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
    run_dir: str | Path | None = None,
    jobs: int = 1,
    executor: Executor | str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    skeleton: Mapping[str, Any] | None = None,
) -> "pd.DataFrame":
    """Zero-cost proxies of many architectures, on the same few samples.

        proxies = proxy_table(space, X, "digits")                                   # ready as side features:
        predictor = AutoPredictor(space).fit(X[:50], y, extra=proxies[:50])
        predictor.predict(X[50:], extra=proxies[50:])

    Rows that mean the same network are computed once.

    Args:
        space: The space of the architectures.
        X: Valid rows, shape (n, d).
        data: What the networks read: a batch (``random_batch`` where there are no data), a data set, or the name of
            one.
        names: Which proxies, of ``PROXIES``; None computes all thirteen.
        batch_size: Samples that are drawn from a data set.
        seed: Seed of these samples, and of the weights of all networks.
        run_dir: Folder of the log; what is in it is not computed again, so a run that was killed goes on.
        jobs: Workers at once.
        executor: Where they work, as in ``run_all``.
        device: "auto", "cpu", "cuda" or "cuda:1".
        progress: Told after every architecture.
        skeleton: Fields of the space's skeleton that differ, for ``build_network``.

    Returns:
        One row per row of ``X``, in that order, with the architecture's text as index, and one column per proxy. NaN
        where a proxy is not defined or a network could not be run; the log says why.

    Raises:
        InvalidInputError: Rows that are not valid, networks that do not read such data, or a run folder that cannot
            be written, is in use, or is of other settings.
        UnknownNameError: There is no such proxy or data set.
    """
    import pandas as pd

    rows = space.rows(X)
    batch = _batch(space, data, batch_size, seed)
    scorer = ProxyScorer(
        space=space, batch=batch, names=names, seed=seed, device=device, skeleton=dict(skeleton or {})
    )  # fmt: skip
    meant = space.canonical(rows)
    texts = space.format(meant)
    wanted = dict(zip(texts, meant, strict=True))
    log = (
        nullcontext(None)
        if run_dir is None
        else RunLog(Path(run_dir) / PROXY_LOG, _config(scorer), key=(ARCHITECTURE,))
    )
    with log as records:
        values = _scored(scorer, wanted, records, jobs, executor, progress or Silent())
    table = np.array([values[text] for text in texts]).reshape(len(rows), -1)
    return pd.DataFrame(table, index=pd.Index(space.format(rows), name=ARCHITECTURE), columns=list(scorer.names or ()))


def _batch(space: SearchSpace, data: ProxyBatch | ArrayDataset | str, size: int, seed: int) -> ProxyBatch:
    if isinstance(data, ProxyBatch):
        return data
    found: Any = Trainer(space=space, dataset=data).data  # says so where the networks do not read it
    return data_batch(found, size=size, random_state=seed)


def _scored(
    scorer: ProxyScorer,
    wanted: Mapping[str, npt.NDArray[Any]],
    log: RunLog | None,
    jobs: int,
    executor: Executor | str | None,
    progress: Progress,
) -> dict[str, list[float]]:
    """Values of each architecture by its text, from the log or computed now."""
    names = list(scorer.names or ())
    known: dict[str, list[float]] = {}
    for text in wanted:
        record = None if log is None else log.get((text,))
        if record is not None:
            known[text] = [np.nan if record[name] is None else record[name] for name in names]
    missing = [text for text in wanted if text not in known]
    label = f"proxies on {scorer.batch.name}"
    done = len(known)
    progress.track(label, done, len(wanted))

    def keep(i: int, result: ProxyScores | WorkerDied) -> None:
        nonlocal done
        if isinstance(result, WorkerDied):
            result = ProxyScores(missing[i], dict.fromkeys(names, np.nan), np.nan, result.reason)
        known[missing[i]] = [result.values[name] for name in names]
        if log is not None:
            log.append({ARCHITECTURE: missing[i], **result.values, "seconds": result.seconds, "reason": result.reason})
        done += 1
        progress.track(label, done, len(wanted))

    rows = [wanted[text] for text in missing]
    jobs = min(jobs, max(1, len(rows)))
    for _ in run_all(scorer.score, rows, jobs=jobs, executor=executor, device=scorer.device, on_result=keep):
        pass
    return known


def _config(scorer: ProxyScorer) -> dict[str, Any]:
    """What decides the values, beside the architecture."""
    batch = scorer.batch
    return {
        "space": scorer.space.name,
        "data": batch.name,
        "input_shape": batch.input_shape,
        "samples": len(batch.inputs),
        "outputs": batch.num_outputs,
        "content": zlib.crc32(batch.inputs.tobytes() + batch.targets.tobytes()),
        "names": scorer.names,
        "seed": scorer.seed,
        "skeleton": dict(scorer.skeleton),
    }
