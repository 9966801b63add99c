"""Saved predictors: what comes back, and that whatever else is found there is refused in one line."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from sklearn.linear_model import Ridge

from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.encodings import DepthFeatures, GraphFeatures, OneHotEncoder
from surrogate_nas.predictors import (
    AutoPredictor,
    BoostedTrees,
    Forest,
    GaussianProcess,
    Predictor,
    load_predictor,
    save_predictor,
)
from surrogate_nas.predictors.space_state import describe_space, rebuild_space
from surrogate_nas.spaces import EdgeCellSpace, SearchSpace, get_space, list_spaces

SPACE = get_space("nas-bench-201")
OWN = EdgeCellSpace("my cells", SPACE.operations[:3], 3, SPACE.skeleton)


def fitted(space=SPACE, regressor=None, encoder=OneHotEncoder):
    X = space.sample(20, np.random.default_rng(0))
    y = X.sum(axis=1) + 0.1 * np.arange(20)
    return Predictor(space, encoder(space), regressor or Forest(n_estimators=5)).fit(X, y)


@pytest.fixture
def saved(tmp_path):
    fitted().save(tmp_path / "saved")
    return tmp_path / "saved"


def edit(folder: Path, change) -> None:
    """Change the JSON file; ``change`` gets its content."""
    path = folder / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(SurrogateNASError) as error:
        load_predictor(folder)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_catalogue_space_comes_back_as_the_catalogues_own(saved):
    assert load_predictor(saved).space is SPACE


@pytest.mark.parametrize("name", list_spaces())
def test_spaces_are_described_completely(name):
    space = get_space(name)
    values = json.loads(json.dumps(describe_space(space)))
    assert rebuild_space(values) is space
    renamed = {**values, "name": "another name"}
    rebuilt = rebuild_space(renamed)
    assert rebuilt is not space
    assert rebuilt.name == "another name"
    assert rebuilt.size == space.size
    places = np.random.default_rng(1).integers(0, min(space.size, 2**62), size=100)
    np.testing.assert_array_equal(rebuilt.at(places), space.at(places))
    rows = space.sample(100, np.random.default_rng(0))
    np.testing.assert_array_equal(rebuilt.graphs(rows).ops, space.graphs(rows).ops)
    assert rebuilt.graphs(rows).vocabulary == space.graphs(rows).vocabulary
    assert rebuilt.skeleton == space.skeleton


def test_a_space_of_ones_own_travels_along(tmp_path):
    predictor = fitted(OWN, encoder=GraphFeatures)
    predictor.save(tmp_path / "own")
    loaded = load_predictor(tmp_path / "own")
    rows = OWN.enumerate()
    assert loaded.space.format(rows) == OWN.format(rows)
    np.testing.assert_array_equal(loaded.predict(rows), predictor.predict(rows))
    assert load_predictor(tmp_path / "own", space=OWN).space is OWN
    with pytest.raises(InvalidInputError, match="my cells"):
        load_predictor(tmp_path / "own", space=SPACE)


def test_a_space_of_another_family_has_to_be_given(tmp_path):
    space = own_family()
    predictor = fitted(space)
    predictor.save(tmp_path / "reversed")
    with pytest.raises(InvalidInputError, match="load_predictor\\(path, space=...\\)"):
        load_predictor(tmp_path / "reversed")
    loaded = load_predictor(tmp_path / "reversed", space=space)
    np.testing.assert_array_equal(loaded.predict(space.enumerate()), predictor.predict(space.enumerate()))


def own_family():
    """A space of a family that the package does not know: it only has to behave like one."""

    def passed_on(name):
        return lambda self, *args, **kwargs: getattr(OWN, name)(*args, **kwargs)

    members = {name: passed_on(name) for name in SearchSpace.__abstractmethods__}
    members |= {"size": property(lambda self: OWN.size), "name": "own family", "skeleton": OWN.skeleton}
    members |= {"cardinalities": OWN.cardinalities, "gene_names": OWN.gene_names}
    return type("OwnFamily", (SearchSpace,), members)()


def test_floats_without_a_space(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    predictor = AutoPredictor().fit(X, X[:, 0], extra=X[:, 1])
    predictor.save(tmp_path / "floats")
    loaded = load_predictor(tmp_path / "floats")
    np.testing.assert_array_equal(loaded.predict(X, extra=X[:, 1]), predictor.predict(X, extra=X[:, 1]))


@pytest.mark.parametrize("encoder", [OneHotEncoder, GraphFeatures, DepthFeatures])
@pytest.mark.parametrize("regressor", [BoostedTrees(n_estimators=5), GaussianProcess(groups=None)])
def test_parts_come_back_the_same(tmp_path, encoder, regressor):
    predictor = fitted(regressor=regressor, encoder=encoder)
    predictor.save(tmp_path / "saved")
    rows = SPACE.sample(50, np.random.default_rng(1))
    loaded = load_predictor(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.predict(rows, return_std=True), predictor.predict(rows, return_std=True))
    assert loaded.regressor.get_params() == regressor.get_params()


def test_only_the_promised_files_are_written(saved):
    assert sorted(p.name for p in saved.iterdir()) == ["booster-0.ubj", "config.json", "model.safetensors"]
    assert [p.name for p in saved.parent.iterdir()] == ["saved"], "nothing temporary is left"


def test_saving_again_replaces(saved):
    other = fitted(regressor=GaussianProcess())
    other.save(saved)
    assert isinstance(load_predictor(saved).regressor, GaussianProcess)
    assert not (saved / "booster-0.ubj").exists()


def test_what_is_not_a_predictor_is_not_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("keep me")
    for place in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InvalidInputError, match="something else"):
            fitted().save(place)
    assert (tmp_path / "notes.txt").read_text() == "keep me"


def test_what_a_user_keeps_beside_stays(saved):
    (saved / "report.html").write_text("mine")
    (saved / ".git").mkdir()
    fitted(regressor=GaussianProcess()).save(saved)
    assert (saved / "report.html").read_text() == "mine"
    assert sorted(p.name for p in saved.iterdir()) == [".git", "config.json", "model.safetensors", "report.html"]


def test_another_librarys_folder_is_not_overwritten(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InvalidInputError, match="something else"):
        fitted().save(tmp_path)
    refused(tmp_path, "config.json", "not a saved predictor")


def test_folders_of_schema_1_are_read_and_replaced(saved):
    predictor = load_predictor(saved)
    (saved / "model.safetensors").rename(saved / "arrays.safetensors")
    edit(saved, lambda c: c.update(schema_version=1))
    edit(saved, lambda c: c["sha256"].update({"arrays.safetensors": c["sha256"].pop("model.safetensors")}))
    (saved / "config.json").rename(saved / "predictor.json")
    rows = SPACE.sample(50, np.random.default_rng(1))
    np.testing.assert_array_equal(load_predictor(saved).predict(rows), predictor.predict(rows))
    predictor.save(saved)
    assert sorted(p.name for p in saved.iterdir()) == ["booster-0.ubj", "config.json", "model.safetensors"]


def test_unwritable_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        fitted().save(tmp_path / "file" / "below")


def test_unfitted_and_foreign_parts_cannot_be_saved(tmp_path):
    with pytest.raises(InvalidInputError, match="not fitted"):
        save_predictor(Predictor(SPACE, OneHotEncoder(SPACE), Forest()), tmp_path / "a")
    X = SPACE.sample(20, np.random.default_rng(0))
    foreign = Predictor(SPACE, OneHotEncoder(SPACE), Ridge()).fit(X, np.arange(20.0))
    with pytest.raises(InvalidInputError, match="Ridge"):
        foreign.save(tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_nothing_there(tmp_path):
    refused(tmp_path / "missing", "missing", "config.json")
    refused(tmp_path, "config.json")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '{"schema_version": 1}', "[" * 100_000, "\udcff"])
def test_json_that_is_none(saved, text):
    (saved / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    refused(saved, "config.json")


def test_newer_schema(saved):
    edit(saved, lambda c: c.update(schema_version=99))
    refused(saved, "newer version", "99", "upgrade")


@pytest.mark.parametrize("name", ["model.safetensors", "booster-0.ubj"])
def test_truncated_changed_or_missing_files(saved, name):
    whole = (saved / name).read_bytes()
    for raw in (b"", whole[:-7], whole[:-1] + bytes([whole[-1] ^ 1])):
        (saved / name).write_bytes(raw)
        refused(saved, name, "SHA-256")
    (saved / name).unlink()
    refused(saved, name, "missing")


@pytest.mark.parametrize("kind", ["Pipeline", "os.system", "__class__", "", 3, None, ["Forest"]])
def test_unknown_classes_are_not_looked_for(saved, kind):
    edit(saved, lambda c: c["predictor"].update({"class": kind}))
    refused(saved, "unknown class", "Forest")


def test_a_file_outside_the_folder_is_not_read(saved):
    (saved.parent / "secret").write_text("secret")
    digest = hashlib.sha256(b"secret").hexdigest()
    edit(saved, lambda c: c["sha256"].update({"../secret": digest}))
    refused(saved, "plain file names")


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["values"].pop("direction"),
        lambda p: p.update(values=[]),
        lambda p: p["parts"].pop("regressor"),
        lambda p: p["parts"].update(regressor=None),
        lambda p: p["parts"].update(regressor=p["parts"]["encoder"]),
        lambda p: p["parts"]["regressor"].update({"boosters": {"forest": 7}}),
        lambda p: p["parts"]["regressor"]["values"]["params"].update(unheard_of=1),
        lambda p: p["parts"]["regressor"]["values"].update(center="a"),
        lambda p: p["parts"]["encoder"]["values"]["names"].append("more"),
        lambda p: p["parts"]["encoder"]["arrays"].update(columns="array-9"),
        lambda p: p["parts"]["space"]["values"]["definition"].update(family="unheard-of"),
        lambda p: p["parts"]["space"]["values"].update(definition={}, name="x"),
    ],
)
def test_parts_that_do_not_fit_together(saved, change):
    edit(saved, lambda c: change(c["predictor"]))
    refused(saved)


@pytest.mark.parametrize("name", ["columns", "leaves-0"])
def test_arrays_of_another_shape(saved, name):
    content = json.loads((saved / "config.json").read_text())
    part = content["predictor"]["parts"]["encoder" if name == "columns" else "regressor"]
    arrays = safetensors.numpy.load((saved / "model.safetensors").read_bytes())
    arrays[part["arrays"][name]] = np.zeros((1, 1), dtype=np.int64)
    raw = safetensors.numpy.save(arrays)
    (saved / "model.safetensors").write_bytes(raw)
    edit(saved, lambda c: c["sha256"].update({"model.safetensors": hashlib.sha256(raw).hexdigest()}))
    refused(saved)


def test_a_booster_that_is_none(saved):
    for raw in (b"", b"{", b"not a booster" * 50, b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner[$U#L\xff"):
        (saved / "booster-0.ubj").write_bytes(raw)
        edit(saved, lambda c, raw=raw: c["sha256"].update({"booster-0.ubj": hashlib.sha256(raw).hexdigest()}))
        refused(saved)
