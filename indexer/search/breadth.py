"""How much of a story matches: the first stories of a result are weighed once more.

The same article is often in several stories, which then score alike. First comes the one of which
more is about what was sought. A story that has nothing beside its best article is not weighed, be
that its lead or another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

#: What a breadth of e is worth, and from which on it is worth no more: a twentieth.
WORTH, BROADEST = 0.015, 28.0


def worth_of(breadth: float) -> float:
    """What to multiply the score of a story by: 1 to 1.05; see `answer.Answer.breadths`."""
    if breadth <= 1:
        return 1.0
    return 1 + WORTH * log(breadth if breadth < BROADEST else BROADEST)


class Weights(NamedTuple):
    """The first stories, by number or id, and two factors by which the score of each is multiplied.

    near: for words near each other; broad: for how much of the story matches
    """

    stories: Sequence[object] = ()
    near: Sequence[float] = ()
    broad: Sequence[float] = ()

    def of(self, story: object) -> dict[str, float]:
        """The factors of a story as explanations name them, but for those of 1."""
        if story not in self.stories:
            return {}
        at = self.stories.index(story)
        named = {"words near each other": self.near[at], "how much of it matches": self.broad[at]}
        return {name: factor for name, factor in named.items() if factor != 1}


NO_WEIGHTS = Weights()
