"""How to train: everything that decides a result beside architecture, data, seed and device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from surrogate_nas.core import InvalidInputError, UnknownNameError, choose
from surrogate_nas.spaces import Skeleton
from surrogate_nas.spaces.operations import is_number, is_whole

Optimiser = Literal["sgd", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "one-cycle"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: Passes over the training data.
        optimiser: "sgd" (with Nesterov momentum), "adam" or "adamw" (weight decay apart from the gradient).
        learning_rate: Step size; with a schedule its highest value.
        weight_decay: Pull of all weights towards zero: an L2 penalty for "sgd" and "adam", relative to the step
            size for "adamw".
        momentum: Share of the last step that the next one keeps; of "sgd" alone.
        schedule: "constant", "cosine" (down to zero) or "one-cycle" (up during the first third, then down to zero),
            over all epochs of the training: a shorter training is not the beginning of a longer one.
        batch_size: Samples per step, at most; None takes all of them.
        label_smoothing: Share of the target that is spread over all classes, in [0, 1).
        clip_norm: Longest gradient, as the norm over all weights; None lets every gradient pass.
        mixed_precision: Compute in 16 bits where that is safe. Worth it on a GPU, and on processors that multiply
            in bfloat16.
        compiled: Compile the network first (``torch.compile``); takes minutes, and pays on long trainings only.
        patience: End after so many evaluations without a better one; None trains all epochs.
        evaluate_every: Evaluate on the validation data after every so many epochs, and after the last. The best
            evaluated epoch is the one that counts.
        augmentation: Names of random changes of the training samples, in order.
        width: What all widths of the space's skeleton are multiplied with.
        cells: At most so many cells per stage; None keeps the skeleton's own number.
        skeleton: Further fields of the skeleton that are replaced, for ``build_network``: ``{"dropout": 0.5}``.
    """

    epochs: int = 20
    optimiser: Optimiser = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    momentum: float = 0.9
    schedule: Schedule = "one-cycle"
    batch_size: int | None = 64
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    mixed_precision: bool = False
    compiled: bool = False
    patience: int | None = None
    evaluate_every: int = 1
    augmentation: tuple[str, ...] = ()
    width: float = 1.0
    cells: int | None = None
    skeleton: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        choose("optimiser", self.optimiser, dict.fromkeys(get_args(Optimiser)))
        choose("schedule", self.schedule, dict.fromkeys(get_args(Schedule)))
        for name in ("epochs", "evaluate_every"):
            self._check(name, is_whole(getattr(self, name), 1), "a whole number of at least 1")
        for name in ("batch_size", "patience", "cells"):
            value = getattr(self, name)
            self._check(name, value is None or is_whole(value, 1), "a whole number of at least 1, or None")
        for name in ("learning_rate", "width"):
            value = getattr(self, name)
            self._check(name, is_number(value, 0.0) and value > 0, "a positive number")
        clip = self.clip_norm
        self._check("clip_norm", clip is None or (is_number(clip, 0.0) and clip > 0), "a positive number, or None")
        self._check("weight_decay", is_number(self.weight_decay, 0.0), "a number of at least 0")
        for name in ("momentum", "label_smoothing"):
            value = getattr(self, name)
            self._check(name, is_number(value, 0.0, 1.0) and value < 1, "a number from 0 to below 1")
        for name in ("mixed_precision", "compiled"):
            value = getattr(self, name)
            self._check(name, isinstance(value, bool), "True or False")
        names: Any = self.augmentation
        names_only = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
        self._check("augmentation", names_only, "a tuple of names")
        object.__setattr__(self, "augmentation", tuple(names))
        object.__setattr__(self, "skeleton", self._checked_skeleton())

    def changed(self, changes: Mapping[str, Any]) -> "Recipe":
        """This recipe with some fields replaced; of ``skeleton`` only the fields that are named.

        Args:
            changes: New values by name of the field.

        Raises:
            UnknownNameError: There is no such field.
            InvalidInputError: A value does not fit its field.
        """
        known = [f.name for f in fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownNameError.of("field of a recipe", name, known)
        skeleton = changes.get("skeleton", {})
        if isinstance(skeleton, Mapping):
            skeleton = {**self.skeleton, **skeleton}
        return replace(self, **{**changes, "skeleton": skeleton})

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name of the field."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "augmentation": list(self.augmentation), "skeleton": dict(self.skeleton)}

    def overrides(self, skeleton: Skeleton) -> dict[str, Any]:
        """What ``build_network`` is to replace in a skeleton: this recipe's own fields, width and cells.

        Args:
            skeleton: The skeleton of the space.
        """
        changes = dict(self.skeleton)
        if "channels" in changes and not isinstance(changes["channels"], Sequence):
            changes["channels"] = (changes["channels"],)  # one stage
        if self.width != 1:
            changes["width_factor"] = self.width * changes.get("width_factor", skeleton.width_factor)
        if self.cells is not None:
            changes["max_cells"] = self.cells
        return changes

    def _checked_skeleton(self) -> dict[str, Any]:
        self._check("skeleton", isinstance(self.skeleton, Mapping), "fields of a skeleton by name")
        known = [f.name for f in fields(Skeleton)]
        for name in self.skeleton:
            if name not in known:
                raise UnknownNameError.of("skeleton field", name, known)
        return dict(self.skeleton)

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise InvalidInputError(f"{name}: expected {expected}, got {getattr(self, name)!r}")


#: What each kind of data is trained with where nobody says otherwise.
#:
#: Graphs: one recipe for all data sets that come with the package. It was chosen once, on validation scores of
#: random architectures, for two things: a training takes less than a second of one core, and more epochs move few
#: best epochs (width 32; a step size of 0.02 and little dropout get there in 40 epochs where 0.01 and 0.5 were
#: still learning at 60).
#:
#: Images: the optimiser of the published benchmarks; one cycle gets far in few epochs (Smith & Topin 2019,
#: "Super-convergence", arXiv:1708.07120). Sequences and tables: AdamW, which takes inputs and depths as they come.
RECIPES: dict[str, Recipe] = {
    "graph": Recipe(
        epochs=40, optimiser="adam", learning_rate=0.02, weight_decay=5e-4, schedule="constant", batch_size=None,
        evaluate_every=2, skeleton={"channels": 32, "stem_layers": 0, "head_layers": 0, "dropout": 0.2},
    ),
    "image": Recipe(epochs=20, optimiser="sgd", learning_rate=0.1, weight_decay=5e-4),
    "sequence": Recipe(epochs=20, learning_rate=3e-3, weight_decay=0.05),
    "tabular": Recipe(epochs=40, learning_rate=3e-3, weight_decay=0.05),
}  # fmt: skip


def default_recipe(input_kind: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe for a kind of data.

    Args:
        input_kind: "graph", "image", "sequence" or "tabular".
        changes: Fields that differ, by name.

    Raises:
        UnknownNameError: There is no such kind, or no such field.
        InvalidInputError: A value does not fit its field.
    """
    return choose("kind of input", input_kind, RECIPES).changed(changes or {})
