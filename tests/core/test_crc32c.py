"""CRC-32C against published values and a plain loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from surrogate_nas.core.crc32c import crc32c, mask


def naive(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def test_the_published_values():
    """RFC 3720, appendix B.4, and the check value of the polynomial."""
    for data, expected in [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"", 0),
    ]:
        assert crc32c(data, [0], [len(data)]).tolist() == [expected]


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_many_stretches_at_once(parts):
    lengths = [len(p) for p in parts]
    starts = np.cumsum([0, *lengths])[:-1]
    got = crc32c(b"".join(parts), starts, lengths)
    assert got.tolist() == [naive(p) for p in parts]


def test_masking_rotates_and_adds():
    for value in (0, 1, 0xE3069283, 0xFFFFFFFF):
        expected = (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        assert mask(np.array([value], dtype=np.uint32)).tolist() == [expected]
