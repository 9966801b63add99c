import numpy as np
import pytest

from surrogate_nas.core import as_generator, spawn_seeds


def test_a_seed_gives_the_stream_of_numpy():
    assert as_generator(7).random() == np.random.default_rng(7).random()


def test_a_generator_is_used_as_it_is(rng):
    assert as_generator(rng) is rng


def test_none_is_unpredictable():
    assert as_generator(None).random() != as_generator(None).random()


def test_seeds_fit_a_signed_32_bit_integer():
    seeds = spawn_seeds(0, 10_000)
    assert all(type(s) is int for s in seeds)
    assert min(seeds) >= 0
    assert max(seeds) < 2**31


def test_seeds_are_reproducible_and_differ():
    assert spawn_seeds(3, 100) == spawn_seeds(3, 100)
    assert spawn_seeds(3, 100) != spawn_seeds(4, 100)
    assert len(set(spawn_seeds(3, 100))) == 100


def test_more_seeds_begin_with_the_same_ones():
    """A comparison extended from 10 to 30 seeds repeats nothing."""
    assert spawn_seeds(3, 30)[:10] == spawn_seeds(3, 10)


def test_a_generator_advances(rng):
    assert spawn_seeds(rng, 5) != spawn_seeds(rng, 5)


@pytest.mark.parametrize("random_state", [0, None, np.random.default_rng(0)])
def test_no_seeds(random_state):
    assert spawn_seeds(random_state, 0) == []


def test_numpys_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    spawn_seeds(None, 5)
    as_generator(None).random()
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
