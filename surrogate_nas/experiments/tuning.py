"""Tune how the confirmed few are trained: step size, weight decay, width, epochs, and which of them it is, together.

References:
    [1] Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization. NeurIPS 2011.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, MissingExtraError, UnknownNameError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.experiments.run_log import RunLog, plain
from surrogate_nas.experiments.trainings import recipe
from surrogate_nas.spaces.base import Rows
from surrogate_nas.training import Recipe, Trainer

if TYPE_CHECKING:
    import optuna
    import pandas as pd

#: Log of the trials in a run folder, and what identifies one.
TUNING_LOG, TUNING_KEY = "tuning.jsonl", ("trial",)

#: Name of the choice of an architecture among a study's parameters.
ARCHITECTURE = "architecture"

#: Field of a recipe -> factors of its present value between which it is tuned, on a logarithmic scale.
FACTORS: Mapping[str, tuple[float, float]] = {
    "learning_rate": (0.1, 10.0),
    "weight_decay": (0.1, 10.0),
    "width": (0.5, 2.0),
}

#: Trials that are drawn at random before the sampler models the others.
STARTUP = 6


@dataclass(frozen=True)
class Tuned:
    """What came out.

    Attributes:
        trainer: The trainer with the best recipe; more seeds of it say how good it is.
        x: The best row, shape (d,).
        trials: One row per trial, in order: its parameters, validation and test score, seconds; the first is the
            recipe as it was, with the first architecture.
    """

    trainer: Trainer
    x: npt.NDArray[np.int16]
    trials: "pd.DataFrame"


def tune(
    trainer: Trainer,
    X: npt.ArrayLike,
    *,
    trials: int = 20,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    training_seed: int = 0,
    random_state: int = 0,
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Search recipes, and with several rows the architecture too, by Optuna's TPE [1] on the validation score.

    The first trial is the recipe as it is, so that the result never validates worse. A training that fails is a
    failed trial. Test scores are recorded, and looked at by nobody.

    Args:
        trainer: Trains on the task in question; its recipe is the start.
        X: The confirmed few, shape (n, d) or (d,); among several, which one is tuned together with the recipe.
        trials: Trainings, the first one included.
        ranges: Field of the recipe -> lowest and highest value, searched on a logarithmic scale ("epochs" in whole
            numbers); None takes learning_rate, weight_decay and width around their present values, see
            :data:`FACTORS`.
        training_seed: Seed of every training.
        random_state: Seed of the sampler.
        run_dir: Folder of the log; the same call continues there, and ends as it would have without interruption.
        progress: Told after every trial.

    Raises:
        MissingExtraError: Optuna is not installed.
        InvalidInputError: A range is none, or the folder holds another study.
        UnknownNameError: A range is of no numeric field of a recipe.
    """
    if trials < 1:
        raise InvalidInputError(f"trials: expected at least 1, got {trials}")
    rows = trainer.space.rows(X)
    start = trainer.settings
    study, bounds = _study(random_state), _bounds(start, ranges)
    names = trainer.space.format(rows)
    choices = {ARCHITECTURE: names} if len(rows) > 1 else {}
    config = {
        "trainer": recipe(trainer), "architectures": names, "ranges": bounds, "training_seed": training_seed,
        "random_state": random_state,
    }  # fmt: skip
    found: list[dict[str, Any]] = []
    log = None if run_dir is None else RunLog(Path(run_dir) / TUNING_LOG, config, key=TUNING_KEY)
    try:
        first = {name: getattr(start, name) for name in bounds}
        study.enqueue_trial(first | {name: options[0] for name, options in choices.items()})
        for i in range(trials):
            trial = study.ask()
            parameters = _asked(trial, start, bounds, choices)
            record = None if log is None else log.get((i,))
            if record is None:
                record = plain({"trial": i, **_trained(trainer, rows, names, parameters, training_seed), **parameters})
                if log is not None:
                    log.append(record)
            found.append(record)
            _told(study, trial, record["val"])
            (progress or Silent()).track("tuning", i + 1, trials, _best(found, trainer.metric))
    finally:
        if log is not None:
            log.close()
    return _tuned(trainer, rows, names, bounds, found)


def _study(random_state: int) -> "optuna.Study":
    try:
        import optuna
    except ImportError:
        raise MissingExtraError.of("optuna", "optuna", "tuning") from None
    sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=random_state)
    logger = logging.getLogger("optuna.storages")  # it announces every new study on stderr
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        logger.setLevel(before)


def _bounds(start: Recipe, ranges: Mapping[str, tuple[float, float]] | None) -> dict[str, tuple[float, float]]:
    if ranges is None:
        present = {name: getattr(start, name) for name in FACTORS}
        return {name: (FACTORS[name][0] * value, FACTORS[name][1] * value) for name, value in present.items() if value}
    values = {f.name: getattr(start, f.name) for f in fields(Recipe)}
    numeric = [n for n, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    for name, pair in ranges.items():
        if name not in numeric:
            raise UnknownNameError.of("numeric field of a recipe", name, numeric)
        value = getattr(start, name)
        if not 0 < pair[0] <= value <= pair[1]:
            raise InvalidInputError(
                f"ranges, {name}: expected two numbers above 0 around the present value {value:g}, got {pair!r:.80}"
            )
    return {name: (pair[0], pair[1]) for name, pair in ranges.items()}


def _asked(
    trial: "optuna.Trial", start: Recipe, bounds: Mapping[str, tuple[float, float]], choices: Mapping[str, list[str]]
) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, (low, high) in bounds.items():
        if isinstance(getattr(start, name), int):
            parameters[name] = trial.suggest_int(name, int(low), int(high), log=True)
        else:
            parameters[name] = trial.suggest_float(name, low, high, log=True)
    return parameters | {name: trial.suggest_categorical(name, options) for name, options in choices.items()}


def _trained(
    trainer: Trainer, rows: Rows, names: list[str], parameters: Mapping[str, Any], seed: int
) -> dict[str, float]:
    x = rows[names.index(parameters.get(ARCHITECTURE, names[0]))]
    result = _with(trainer, parameters).train(x, seed)
    scores = {split: result.score(trainer.metric, split) for split in ("val", "test")}
    return {**scores, "seconds": result.seconds}


def _with(trainer: Trainer, parameters: Mapping[str, Any]) -> Trainer:
    changes = {name: value for name, value in parameters.items() if name != ARCHITECTURE}
    return replace(trainer, recipe=trainer.settings.changed(changes), epochs=None)


def _told(study: "optuna.Study", trial: "optuna.Trial", val: float | None) -> None:
    import optuna

    if val is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, val)


def _best(found: list[dict[str, Any]], metric: str) -> str:
    scores = [record["val"] for record in found if record["val"] is not None]
    return f"best {metric} {max(scores):.4f}" if scores else "all failed"


def _tuned(
    trainer: Trainer, rows: Rows, names: list[str], bounds: Mapping[str, Any], found: list[dict[str, Any]]
) -> Tuned:
    import pandas as pd

    frame = pd.DataFrame(found)
    if frame["val"].isna().all():
        raise InvalidInputError(f"tuning: expected a score from at least one of {len(found)} trainings, all failed")
    best = found[int(np.nanargmax(frame["val"].to_numpy(dtype=float)))]
    chosen = {name: best[name] for name in (*bounds, *([ARCHITECTURE] if ARCHITECTURE in best else []))}
    return Tuned(_with(trainer, chosen), rows[names.index(chosen.get(ARCHITECTURE, names[0]))], frame)
