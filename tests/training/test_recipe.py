"""Recipes: defaults by kind of data, changes by name, and wrong values in one line."""

from dataclasses import replace

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.training import Recipe, array_dataset, default_recipe
from surrogate_nas.training.optimisation import share

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), np.arange(30) % 3


@pytest.mark.parametrize("kind", ["graph", "image", "sequence", "tabular"])
def test_every_kind_of_data_has_a_recipe(kind):
    recipe = default_recipe(kind)
    assert recipe == default_recipe(kind, {})
    assert hash(recipe) == hash(default_recipe(kind))
    assert Recipe(**recipe.to_dict()) == recipe


def test_changes_replace_fields_and_single_fields_of_the_skeleton():
    recipe = default_recipe("graph", {"learning_rate": 0.1, "skeleton": {"channels": 8}})
    assert recipe.learning_rate == 0.1
    assert recipe.skeleton == {**default_recipe("graph").skeleton, "channels": 8}
    assert replace(recipe, **{k: getattr(default_recipe("graph"), k) for k in ("learning_rate", "skeleton")}) == (
        default_recipe("graph")
    )


def test_width_and_cells_change_what_stands_around_the_cell():
    space = sn.get_space("nas-bench-201")
    x = space.sample(1, 0)[0]
    sizes = [
        sum(
            p.numel() for p in sn.build_network(space, x, (3, 8, 8), 4, **recipe.overrides(space.skeleton)).parameters()
        )
        for recipe in (Recipe(), Recipe(width=0.5), Recipe(cells=1), Recipe(cells=9))
    ]
    assert sizes[1] < sizes[0] / 3
    assert sizes[2] < sizes[0]
    assert sizes[3] == sizes[0]
    assert Recipe().overrides(space.skeleton) == {}


def test_a_data_set_and_a_user_change_the_defaults_in_this_order():
    space = sn.get_space("mlp")
    data = array_dataset(X, Y, recipe={"epochs": 7, "learning_rate": 0.5})
    trainer = sn.Trainer(space=space, dataset=data, recipe={"learning_rate": 0.25})
    assert (trainer.settings.epochs, trainer.settings.learning_rate) == (7, 0.25)
    assert replace(trainer, epochs=3).settings.epochs == 3
    # All of it at once: nothing of the data set's is left.
    assert sn.Trainer(space=space, dataset=data, recipe=Recipe(batch_size=5)).settings == Recipe(batch_size=5)


def test_a_default_batch_is_no_larger_than_the_data():
    trainer = sn.Trainer(space=sn.get_space("mlp"), dataset=array_dataset(X, Y))
    assert trainer.settings.batch_size == len(trainer.data.splits[0].train) < default_recipe("tabular").batch_size
    with pytest.raises(
        InvalidInputError, match=r"batch_size: expected at most 18, the training samples .* got 19; low"
    ):
        replace(trainer, recipe={"batch_size": 19})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("epochs", 0, "a whole number of at least 1"),
        ("evaluate_every", 1.5, "a whole number of at least 1"),
        ("batch_size", 0, "a whole number of at least 1, or None"),
        ("patience", -1, "a whole number of at least 1, or None"),
        ("cells", True, "a whole number of at least 1, or None"),
        ("learning_rate", float("inf"), "a positive number"),
        ("width", 0, "a positive number"),
        ("clip_norm", 0.0, "a positive number, or None"),
        ("weight_decay", -1.0, "a number of at least 0"),
        ("momentum", 1.0, "a number from 0 to below 1"),
        ("label_smoothing", float("nan"), "a number from 0 to below 1"),
        ("mixed_precision", 1, "True or False"),
        ("compiled", "yes", "True or False"),
        ("augmentation", "flip", "a tuple of names"),
        ("augmentation", 3, "a tuple of names"),
        ("skeleton", 3, "fields of a skeleton by name"),
    ],
)
def test_wrong_values_are_one_line(field, value, expected):
    with pytest.raises(InvalidInputError, match=f"^{field}: expected {expected}, got") as caught:
        Recipe(**{field: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimiser": "rmsprop"}, "unknown optimiser 'rmsprop': expected one of sgd, adam, adamw"),
        ({"schedule": "step"}, "unknown schedule 'step': expected one of constant, cosine, one-cycle"),
        ({"learning_rat": 1}, "unknown field of a recipe 'learning_rat'.*did you mean 'learning_rate'"),
        ({"skeleton": {"chanels": 8}}, "unknown skeleton field 'chanels'.*did you mean 'channels'"),
    ],
)
def test_unknown_names_are_one_line(changes, message):
    with pytest.raises(UnknownNameError, match=message):
        default_recipe("image", changes)
    with pytest.raises(UnknownNameError, match="unknown kind of input 'sound'"):
        default_recipe("sound")


def test_schedules_run_between_their_ends():
    done = np.linspace(0, 1, 201)[:-1]
    cosine, cycle = (np.array([share(name, d) for d in done]) for name in ("cosine", "one-cycle"))
    np.testing.assert_allclose(cosine, (1 + np.cos(np.pi * done)) / 2)
    assert cycle[0] == pytest.approx(1 / 25)
    assert cycle.argmax() == 60  # after 30 %
    assert cycle.max() == 1
    assert (np.diff(cycle[:61]) > 0).all()
    assert (np.diff(cycle[60:]) < 0).all()
    assert cycle[-1] < 1e-3
    assert {share("constant", d) for d in done} == {1.0}
