"""Where a training stands, in one file: a killed training goes on as if it had not been.

The file is safetensors, whose header holds the rest as JSON; nothing in it is ever run. It appears complete or
not at all, and a checksum tells whether it has stayed what it was.
"""

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.training.loop import Learner, Progress, State
from surrogate_nas.training.result import CurvePoint

#: Version of the format.
FORMAT = 1
_MARK = "surrogate_nas_checkpoint"


@final
class Checkpoint:
    """The file of one training.

    Args:
        path: The file; its folder is made where missing.
        identity: What makes this training this training, as JSON-able values; no other one goes on from the file.
        every_s: Seconds between two writings at least; 0 writes after every epoch.

    Attributes:
        earlier_s: Wall time that the training had run for when the file was written; 0 where there was none.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any], *, every_s: float) -> None:
        self.path = Path(path)
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        self.every_s = every_s
        self.earlier_s = 0.0
        self._begun = self._written = time.perf_counter()

    def resume(self, learners: Sequence[Learner]) -> Progress:
        """Bring learners to where the file says; a new beginning where there is no file.

        Raises:
            InvalidInputError: The file is damaged, or of another training.
        """
        if not self.path.exists():
            return Progress()
        about, tensors = self._read()
        for i, learner in enumerate(learners):
            learner.load_weights(_part(tensors, f"{i}.weights."))
            learner.load_memory(_part(tensors, f"{i}.memory."))
        self.earlier_s = about["seconds"]
        weights = [_part(tensors, f"{i}.best.") for i in range(len(learners))] if about["best_epoch"] else []
        curve = [CurvePoint(*point) for point in about["curve"]]
        return Progress(about["epoch"], curve, about["best_epoch"], tuple(about["best"]), weights)

    def write_if_due(self, learners: Sequence[Learner], progress: Progress) -> None:
        """Write the file if the last writing was long enough ago.

        Raises:
            InvalidInputError: The disk is full, or the place cannot be written to; an earlier file stays as it was.
        """
        if time.perf_counter() - self._written >= self.every_s:
            self._write(learners, progress)
            self._written = time.perf_counter()

    def remove(self) -> None:
        """The training is finished."""
        self.path.unlink(missing_ok=True)

    def _write(self, learners: Sequence[Learner], progress: Progress) -> None:
        tensors: State = {}
        for i, learner in enumerate(learners):
            best = progress.weights[i] if progress.weights else {}
            for kind, part in (("weights", learner.weights()), ("memory", learner.memory()), ("best", best)):
                tensors |= {f"{i}.{kind}.{name}": tensor.detach().cpu().contiguous() for name, tensor in part.items()}
        about = json.dumps(
            {
                "identity": self.identity, "epoch": progress.epoch, "curve": progress.curve, "best": progress.best,
                "best_epoch": progress.best_epoch, "seconds": self.earlier_s + time.perf_counter() - self._begun,
            }
        )  # fmt: skip
        content = save(tensors, {_MARK: str(FORMAT), "about": about, "checksum": _checksum(about, tensors)})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInputError(
                f"checkpoint {str(self.path)!r}: its folder cannot be made ({error.strerror}); choose another place"
            ) from None
        write_atomically(self.path, lambda target: target.write_bytes(content))

    def _read(self) -> tuple[dict[str, Any], State]:
        """What the file says about the training, and its tensors by name."""
        damaged = InvalidInputError(
            f"checkpoint {str(self.path)!r}: expected a file that a training wrote, got one that is damaged, or "
            "something else; delete it to train from the start"
        )
        try:
            content = self.path.read_bytes()
            # The format: eight bytes that say how long the header is, the header, the tensors.
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            tensors = load(content)
            intact = header[_MARK] == str(FORMAT) and header["checksum"] == _checksum(header["about"], tensors)
        except OSError as error:
            raise InvalidInputError(f"checkpoint {str(self.path)!r}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, SafetensorError):
            raise damaged from None
        if not intact:
            raise damaged
        about: dict[str, Any] = json.loads(header["about"])
        self._check_identity(about["identity"])
        return about, tensors

    def _check_identity(self, found: Mapping[str, Any]) -> None:
        for name in {**self.identity, **found}:
            there, here = (values.get(name, "(absent)") for values in (found, self.identity))
            if there != here:
                raise InvalidInputError(
                    f"checkpoint {str(self.path)!r}: expected one of this training, whose {name} is {here!r:.80}, got "
                    f"{there!r:.80}; delete it to train from the start, or choose another file"
                )


def _part(tensors: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _checksum(about: str, tensors: State) -> str:
    total = zlib.crc32(about.encode())
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"
