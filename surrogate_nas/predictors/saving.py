"""Fitted predictors as a folder of plain files: JSON, safetensors and XGBoost's UBJ, never a pickle.

    config.json         what it is made of, and the SHA-256 of the files below
    model.safetensors   all arrays
    booster-0.ubj ...   all tree models
    README.md           a model card, where it was written to be shared

These are the names that the Hugging Face hub looks for. A class is only ever made if it stands in the list at the
end of this file, and file names are counted, not read, so that a folder from a stranger can at worst be refused.
"""

import hashlib
import json
import re
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from surrogate_nas import __version__
from surrogate_nas.core import InvalidInputError, SurrogateNASError, choose
from surrogate_nas.encodings import Encoder
from surrogate_nas.predictors.base import BasePredictor
from surrogate_nas.predictors.pretrained import LIBRARY, Shareable, locate
from surrogate_nas.predictors.space_state import describe_space, rebuild_space
from surrogate_nas.predictors.state import State, Stateful
from surrogate_nas.spaces.base import SearchSpace

#: Grows whenever a folder written now could not be read by earlier versions.
SCHEMA_VERSION = 2

_JSON = "config.json"
_ARRAYS = "model.safetensors"
_CARD = "README.md"
_SPACE = "SearchSpace"

#: Names under which schema 1 had the same.
_FORMER_JSON, _FORMER_ARRAYS = "predictor.json", "arrays.safetensors"

#: Files that saving may take away; what else a user keeps in the folder stays.
_OWN = re.compile(
    r"booster-\d+\.ubj|" + "|".join(map(re.escape, (_JSON, _ARRAYS, _CARD, _FORMER_JSON, _FORMER_ARRAYS)))
)


def save_predictor(predictor: Shareable, path: str | Path, *, card: str = "") -> None:
    """Write a fitted predictor; a predictor that stands there is replaced, anything else is not.

    Args:
        predictor: Fitted, made of parts that come with this package.
        path: The folder to write.
        card: Text of its model card; without one none is written.

    Raises:
        InvalidInputError: Not fitted, a part that cannot be written down, or a place that cannot be written to.
    """
    if not any(name.endswith("_") for name in vars(predictor)):  # scikit-learn's mark of what fit has learned
        raise InvalidInputError(f"{type(predictor).__name__}: not fitted yet; call fit before save")
    folder = Path(path)
    if folder.exists() and not _is_saved(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(f"{folder}: expected a new folder or a saved predictor, something else stands there")
    writer = _Writer()
    root = writer.node(predictor)
    files = {_ARRAYS: safetensors.numpy.save(writer.arrays)}
    files |= {_booster_file(i): raw for i, raw in enumerate(writer.boosters)}
    content = {
        "library_name": LIBRARY,
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        "sha256": {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
        "predictor": root,
    }
    files[_JSON] = json.dumps(content, indent=1).encode()
    if card:
        files[_CARD] = card.encode()
    try:
        _put_in_place(folder, files)
    except OSError as error:
        raise InvalidInputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose a place that exists and is writable"
        ) from None


def load_predictor(path: str | Path, *, space: SearchSpace | None = None) -> Any:
    """Read a predictor that ``save`` wrote; it predicts the same numbers, bit for bit.

    Args:
        path: The folder; or, as text, one of :func:`list_pretrained`, or ``hf://`` and a repository of the hub.
        space: The space, where it is of a family of your own; else it comes with the folder.

    Raises:
        InvalidInputError: No predictor, a damaged one, or one of a newer version.
    """
    return read_folder(*locate(path), space=space)


def read_folder(folder: Path, sha256: str | None = None, *, space: SearchSpace | None = None) -> Any:
    """Read a folder that ``save`` wrote.

    Args:
        folder: The folder.
        sha256: What its config.json must have, where that is known; it has those of the other files.
        space: The space, where it is of a family of your own.
    """
    content = _read_json(folder, sha256)
    try:
        files = {name: _read_checked(folder, name, digest) for name, digest in content["sha256"].items()}
        boosters = [files[_booster_file(i)] for i in range(len(files) - 1)]
        arrays = files[_ARRAYS if content["schema_version"] > 1 else _FORMER_ARRAYS]
        made = _Reader(safetensors.numpy.load(arrays), boosters, space).object(content["predictor"])
        if not isinstance(made, Shareable):
            raise InvalidInputError(f"{folder}: expected a predictor, got a {type(made).__name__}")
        _try_out(made)
    except SurrogateNASError:
        raise
    except _DAMAGE as error:
        raise InvalidInputError(
            f"{folder}: damaged, {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}; "
            "save the predictor again"
        ) from None
    return made


#: What may go wrong while objects are made from values and arrays that do not fit together.
_DAMAGE = (
    KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, MemoryError,
    np.linalg.LinAlgError, safetensors.SafetensorError,
)  # fmt: skip


class _Writer:
    """Collects the arrays and boosters of a tree of objects while their values become JSON."""

    def __init__(self) -> None:
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        self.boosters: list[bytes] = []

    def node(self, part: Any) -> Any:
        """What stands for an object in the JSON file."""
        if part is None:
            return None
        if isinstance(part, SearchSpace):
            return {"class": _SPACE, "values": describe_space(part)}
        name = type(part).__name__
        if not isinstance(part, Stateful | Encoder) or _CLASSES.get(name) != type(part).__module__:
            raise InvalidInputError(
                f"save: expected parts that come with this package ({', '.join(_CLASSES)}), got a {name}; keep what "
                "it was fitted with and fit again instead"
            )
        state = _encoder_state(part) if isinstance(part, Encoder) else part.get_state()
        arrays = {}
        for key, array in state.arrays.items():
            arrays[key] = f"array-{len(self.arrays)}"
            self.arrays[arrays[key]] = np.array(array, order="C")  # safetensors takes the memory as it lies
        boosters = {}
        for key, raw in state.boosters.items():
            boosters[key] = len(self.boosters)
            self.boosters.append(raw)
        parts = {key: self.node(value) for key, value in state.parts.items()}
        return {"class": name, "values": state.values, "arrays": arrays, "boosters": boosters, "parts": parts}


class _Reader:
    """Makes the objects again."""

    def __init__(self, arrays: dict[str, npt.NDArray[Any]], boosters: list[bytes], space: SearchSpace | None) -> None:
        self.arrays = arrays
        self.boosters = boosters
        self.space = space

    def object(self, node: Any) -> Any:
        """The object that a node of the JSON file stands for."""
        if node is None:
            return None
        if node["class"] == _SPACE:
            return rebuild_space(node["values"], self.space)
        module = choose("class in a saved predictor", node["class"], _CLASSES)
        kind = getattr(import_module(module), node["class"])
        state = State(
            dict(node["values"]),
            {key: self.arrays[name] for key, name in node["arrays"].items()},
            {key: self.boosters[number] for key, number in node["boosters"].items()},
            {key: self.object(part) for key, part in node["parts"].items()},
        )
        return _encoder_of(kind, state) if issubclass(kind, Encoder) else kind.from_state(state)


#: Parameters of encoders that JSON holds; others are arrays, under their name behind a mark.
_PLAIN = (str, int, float, list, tuple)
_PARAM = "param "


def _encoder_state(encoder: Encoder) -> State:
    given = {k: v for k, v in encoder.get_params(deep=False).items() if k != "space"}
    params = {k: v for k, v in given.items() if v is None or isinstance(v, _PLAIN)}
    names = [str(name) for name in encoder.get_feature_names_out()]
    arrays = {name.removesuffix("_"): getattr(encoder, name) for name in encoder.learned}
    arrays |= {f"{_PARAM}{k}": np.asarray(v) for k, v in given.items() if k not in params}
    return State({"params": params, "names": names}, arrays, parts={"space": encoder.space})


def _encoder_of(kind: Any, state: State) -> Encoder:
    given = {k.removeprefix(_PARAM): v for k, v in state.arrays.items() if k.startswith(_PARAM)}
    encoder: Encoder = kind(state.parts["space"], **state.values["params"], **given)
    for name in kind.learned:
        setattr(encoder, name, state.arrays[name.removesuffix("_")])
    encoder.n_features_in_ = encoder.space.n_genes
    if [str(name) for name in encoder.get_feature_names_out()] != state.values["names"]:
        raise InvalidInputError(
            f"{kind.__name__}: the features have changed since the predictor was saved; fit it again with this version"
        )
    return encoder


def _is_saved(folder: Path) -> bool:
    """Whether a predictor stands there, a damaged one too; other libraries have files of the same name."""
    try:
        return (folder / _FORMER_JSON).is_file() or LIBRARY.encode() in (folder / _JSON).read_bytes()
    except OSError:
        return False


def _read_json(folder: Path, sha256: str | None) -> dict[str, Any]:
    try:
        former = (folder / _FORMER_JSON).is_file() and not (folder / _JSON).is_file()
        raw = (folder / (_FORMER_JSON if former else _JSON)).read_bytes()
        content = json.loads(raw)
    except FileNotFoundError:
        raise InvalidInputError(
            f"{folder}: expected a folder that predictor.save(path) wrote, found no {_JSON} there"
        ) from None
    except OSError as error:
        raise InvalidInputError(
            f"{folder}: cannot be read ({error.strerror or error}); expected a folder that predictor.save(path) wrote"
        ) from None
    except (ValueError, RecursionError):
        raise InvalidInputError(f"{folder / _JSON}: truncated or not JSON; save the predictor again") from None
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise InvalidInputError(f"{folder / _JSON}: changed (SHA-256 differs); install the package again")
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or not isinstance(content.get("sha256"), dict):
        raise InvalidInputError(f"{folder / _JSON}: not a saved predictor, it names no schema_version or no files")
    if version > SCHEMA_VERSION:
        raise InvalidInputError(
            f"{folder}: written by a newer version (schema {version}, this one reads up to {SCHEMA_VERSION}); "
            "upgrade surrogate-nas"
        )
    return content


def _read_checked(folder: Path, name: str, digest: str) -> bytes:
    if name != Path(name).name:
        raise InvalidInputError(f"{folder}: expected plain file names, got {name!r}; it was not written by save")
    try:
        raw = (folder / name).read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"{folder / name}: missing or unreadable ({error.strerror or error}); save the predictor again"
        ) from None
    if hashlib.sha256(raw).hexdigest() != digest:
        raise InvalidInputError(f"{folder / name}: truncated or changed (SHA-256 differs); save the predictor again")
    return raw


def _try_out(made: Any) -> None:
    """Predict one architecture: arrays that do not fit together show here rather than in a user's run."""
    predictor = made if isinstance(made, BasePredictor) else made.adapt()
    if predictor.space is None:
        return
    rows = predictor.space.sample(1, np.random.default_rng(0))
    predictor.predict(rows, extra=np.zeros((1, predictor.n_extra_)) if predictor.n_extra_ else None, return_std=True)


def _booster_file(number: int) -> str:
    return f"booster-{number}.ubj"


def _put_in_place(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files beside the folder, then exchange the two."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    new, old = temporary / "new", temporary / "old"
    try:
        new.mkdir()
        for name, raw in files.items():
            (new / name).write_bytes(raw)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        for other in [path for path in old.glob("*") if not _OWN.fullmatch(path.name)]:
            other.rename(folder / other.name)
    except OSError:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


#: Every class that a saved predictor may be made of, and where it lives.
_CLASSES = {
    "AdjacencyEncoder": "surrogate_nas.encodings.adjacency",
    "AutoPredictor": "surrogate_nas.predictors.auto",
    "BoostedTrees": "surrogate_nas.predictors.boosted",
    "DepthFeatures": "surrogate_nas.encodings.depth_features",
    "Forest": "surrogate_nas.predictors.forest",
    "GaussianProcess": "surrogate_nas.predictors.gaussian_process",
    "GraphFeatures": "surrogate_nas.encodings.graph_features",
    "GraphNetwork": "surrogate_nas.predictors.graph_network",
    "Kinship": "surrogate_nas.predictors.transfer.kinship",
    "LaplacianEncoder": "surrogate_nas.encodings.laplacian_encoder",
    "LearnedEmbedding": "surrogate_nas.encodings.learned_embedding",
    "LearnedKernel": "surrogate_nas.predictors.transfer.kernel",
    "MLPEnsemble": "surrogate_nas.predictors.mlp_ensemble",
    "Member": "surrogate_nas.predictors.stacking",
    "MetaPredictor": "surrogate_nas.predictors.meta",
    "NormalScores": "surrogate_nas.predictors.normal_scores",
    "NumberFeatures": "surrogate_nas.encodings.number_features",
    "OneHotEncoder": "surrogate_nas.encodings.one_hot",
    "PathEncoder": "surrogate_nas.encodings.path_encoder",
    "Predictor": "surrogate_nas.predictors.base",
    "RelaxedPredictor": "surrogate_nas.predictors.relaxed",
    "Ridge": "surrogate_nas.predictors.ridge",
    "SharedFeatures": "surrogate_nas.encodings.shared_features",
    "SideFeatures": "surrogate_nas.encodings.side_features",
    "StandardFeatures": "surrogate_nas.encodings.standard_features",
    "TransferFeatures": "surrogate_nas.predictors.transfer.features",
    "TransferPredictor": "surrogate_nas.predictors.transfer.predictor",
    "TransferPrior": "surrogate_nas.predictors.transfer.prior",
    "WeisfeilerLehman": "surrogate_nas.encodings.weisfeiler_lehman",
}
