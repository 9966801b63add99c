"""The folder of a main job: what it was asked, every training, and what came out, in formats anybody can read.

run.json           settings, data, versions, machine, commit, seconds per step
trainings.jsonl    one line per finished training, with its learning curve; what a killed run continues from
history.csv        the trainings of the search, per arm and step
ranking.csv        the best predicted architectures after the last adaptation
comparison.csv     every confirmed network: predicted, validation and test over the fresh seeds, cost
best/              the chosen architecture: text, drawing, trained weights (safetensors), answers class by class
predictor/         the adapted predictor, for ``load_predictor``
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, final

from surrogate_nas.experiments.answers import BEST, write_answers
from surrogate_nas.experiments.provenance import provenance
from surrogate_nas.experiments.run_log import RunLog, plain
from surrogate_nas.experiments.trainings import LOG_KEY, LOG_NAME
from surrogate_nas.training import Trainer

if TYPE_CHECKING:
    from surrogate_nas.experiments.main_job import MainJobResult


@final
class RunFolder:
    """A run folder that is open for writing, or nothing at all where ``path`` is None.

    Args:
        path: The folder; made where missing.
        config: What decides the outcome; a folder is only continued with the same.

    Raises:
        InvalidInputError: The folder cannot be written, is in use, or holds another run.
    """

    def __init__(self, path: str | Path | None, config: Mapping[str, Any]) -> None:
        self.path = None if path is None else Path(path)
        self.config = dict(config)
        self.log = None if self.path is None else RunLog(self.path / LOG_NAME, config, key=LOG_KEY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.log is not None:
            self.log.close()

    def write(self, result: "MainJobResult", trainer: Trainer) -> None:
        """Write everything but the log, which was written as it went."""
        if self.path is None:
            return
        for name in ("history", "ranking", "comparison"):
            getattr(result, name).to_csv(self.path / f"{name}.csv", index=False)
        self._write_best(result, trainer)
        result.outcome.predictor.save(self.path / "predictor")
        self._write_json(
            "run.json",
            {
                "config": self.config,
                "data": trainer.data.descriptors(),
                "space": {"name": trainer.space.name, "size": trainer.space.size},
                "learned_from": result.learned_from,
                "metric": result.metric,
                "seconds": result.seconds,
                **provenance(),
            },
        )

    def _write_best(self, result: "MainJobResult", trainer: Trainer) -> None:
        if self.path is None:
            return
        best, row = self.path / BEST, result.best
        write_answers(trainer, row[0], result.budget.confirm_seeds[0], best)
        (best / "architecture.svg").write_text(trainer.space.show(row).svg, encoding="utf-8")

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        if self.path is not None:
            text = json.dumps(plain(dict(value)), indent=2)
            (self.path / name).write_text(text + "\n", encoding="utf-8")
