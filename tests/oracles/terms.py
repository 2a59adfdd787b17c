"""A text → its terms, word by word."""

from __future__ import annotations

from indexer.analysis import iter_words, stem


def terms_of(text: str) -> list[str]:
    """The stemmed terms of a text in order, positions left out."""
    return [stem(word.text) for word in iter_words(text)]
