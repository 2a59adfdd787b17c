"""How much of a story matches: the first stories of a result are weighed once more.

The same article is often in several stories, which then score alike. First comes the one of which
more is about what was sought: its lead, which counts twice, and the other articles.
"""

from __future__ import annotations

from math import log

#: What a breadth of e is worth, and the most that any is.
WORTH, MOST = 0.015, 0.05


def worth_of(breadth: float) -> float:
    """What to multiply the score of a story by: 1 to 1.05; see `answer.Answer.breadths`."""
    return 1 + min(WORTH * log(breadth), MOST) if breadth > 1 else 1.0


def factors_of(near: float, broad: float) -> dict[str, float]:
    """Factors of a story, the first by `nearness`, as explanations name them; not those of 1."""
    names = {"words near each other": near, "how much of it matches": broad}
    return {name: factor for name, factor in names.items() if factor != 1}
