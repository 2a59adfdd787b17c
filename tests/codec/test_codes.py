"""Packed codes of forms: what is packed is read again, by all readers alike."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.codec.codes import (
    code_place,
    code_shift,
    code_sizes,
    pack_codes,
    unpack_codes,
    unpack_term,
)
from indexer.codec.codes_fast import code_of
from indexer.codec.format import offsets_of

_code_of = code_of.py_func


@pytest.mark.parametrize("seed", range(20))
def test_codes_round_trip(seed):
    """Codes of terms with 1 to 256 forms are read as they were packed, one by one or together."""
    random = np.random.default_rng(seed)
    forms = random.choice([1, 2, 3, 4, 5, 15, 16, 17, 200, 256], 40)
    postings = random.integers(1, 40, 40)
    codes = (random.random(postings.sum()) * np.repeat(forms, postings)).astype(np.uint8)
    packed = pack_codes(codes, postings, forms)
    begins = offsets_of(code_sizes(postings, forms))
    assert begins[-1] == len(packed)
    assert np.array_equal(unpack_codes(packed, begins[:-1], postings, forms), codes)
    starts = 1000 + offsets_of(postings)
    for term, begin in enumerate(begins[:-1].tolist()):
        if forms[term] == 1:  # which has no codes
            continue
        start = int(starts[term])
        place = code_place(begin, start, code_shift(int(forms[term])))
        own = codes[start - 1000 : int(starts[term + 1]) - 1000]
        alone = packed[begin : int(begins[term + 1])]
        assert np.array_equal(unpack_term(alone, len(own), int(forms[term])), own)
        for posting in range(start, int(starts[term + 1])):
            assert _code_of(packed, place, posting) == codes[posting - 1000]


def test_codes_take_few_bits():
    """A code takes 1 bit with 2 forms, 2 with up to 4, 4 with up to 16, else 8; alone none."""
    forms = np.array([1, 2, 3, 4, 5, 16, 17, 256])
    sizes = code_sizes(np.full(8, 16), forms)
    assert sizes.tolist() == [0, 2, 4, 4, 8, 8, 16, 16]
