"""Pieces of texts numbered many at once are those that splitting one text gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.build import vocabulary as numbering
from indexer.build.vocabulary import Vocabulary

_PIECES = ["a", "Anna", "annas", "12345678", "123456789", "x" * 16, "x" * 17, "é" * 8, "日本", "–"]
_TEXTS = st.lists(
    st.tuples(st.sampled_from(_PIECES) | st.text(max_size=20), st.sampled_from(" \n\t\0")),
    max_size=60,
).map(lambda pairs: "".join(map("".join, pairs)))


@pytest.fixture(params=["mixed", "all alike"], scope="module")
def _mixing(request: pytest.FixtureRequest) -> Iterator[None]:
    """How pieces are grouped; with factors of 0 they all seem to be the same."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "all alike":
            patch.setattr(numbering, "_FACTORS", np.zeros(2, np.uint64))
        yield


@pytest.mark.usefixtures("_mixing")
@given(st.lists(_TEXTS, max_size=3))
@example(["", " ", "a"])
def test_pieces_are_what_stands_between_blanks(texts: list[str]) -> None:
    vocabulary = Vocabulary()
    for text in texts:
        data = text.encode("utf8", "surrogatepass")
        numbers, begins = vocabulary.numbers_of(data)
        blanks = bytes(range(33))
        expected = data.translate(bytes.maketrans(blanks, b" " * len(blanks))).split()
        pieces = list(vocabulary)
        assert [pieces[number] for number in numbers] == expected
        found = [data[begin:][: len(piece)] for begin, piece in zip(begins, expected, strict=True)]
        assert found == expected
