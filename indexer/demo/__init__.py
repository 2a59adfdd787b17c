"""Invented stories, to explore storydex and to measure it.

Nothing in them is real: names are made of syllables, and every address is under
`.example`, which nobody can register (RFC 2606). Few words and names are frequent and
new ones keep coming, as in a real archive.
"""

from __future__ import annotations

from .files import write_demo
from .stories import iter_demo_stories

__all__ = ["iter_demo_stories", "write_demo"]
