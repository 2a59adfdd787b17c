"""Invented stories, to explore storydex and to measure it.

    words.py      lists of words, and names made of syllables
    templates.py  sentences with gaps
    stories.py    a seed and a number → a `Story`
    files.py      stories → a folder of story files

Nothing in them is real: companies, people, places and providers are made up, and every
address is under `.example`, which nobody can register (RFC 2606). Words follow Zipf's
law with a long tail of names, so that the vocabulary grows with the number of stories.
"""

from __future__ import annotations

from .files import write_demo
from .stories import iter_demo_stories

__all__ = ["iter_demo_stories", "write_demo"]
