"""One thread inside, the caller's outside."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from surrogate_nas.core.threads import one_thread


def most() -> int:
    return max(pool["num_threads"] for pool in threadpool_info())


def test_threads_come_back_also_after_an_error():
    np.ones((2, 2)) @ np.ones((2, 2))
    before = most(), torch.get_num_threads()
    with one_thread():
        assert most() == torch.get_num_threads() == 1
    assert (most(), torch.get_num_threads()) == before
    with pytest.raises(ValueError, match="stop"), one_thread():
        raise ValueError("stop")
    assert (most(), torch.get_num_threads()) == before
