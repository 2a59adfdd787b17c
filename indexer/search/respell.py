"""A better spelling of what was typed.

A word that occurs nowhere, or next to nowhere, is put right by the words of the index that
lie one slip from it, or two where there are none. Of these the likeliest is chosen: by how
frequent it is, by the words typed beside it, and by how easily such a slip happens. Words
that were torn apart or run together are put right, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nlargest, nsmallest
from itertools import islice, pairwise
from typing import NamedTuple

from ..analysis import WORD_PATTERN, cut
from ..errors import QueryError, QueryTooCostly
from ..query.nodes import Fuzzy, Phrase, Word
from ..query.parsed import MOST_TYPED, TypedWord
from .expand import Budget
from .select import Selector
from .slips import SPACE, cased, slip

_SHORTEST, _LONGEST = 3, 40
#: From this length on a known word may be a slip, and one that is not known may be two slips
#: away.
_SHORTEST_KNOWN, _SHORTEST_OF_TWO = 5, 6
#: Short words are put right by words in so many rows. So are inflections of a word that is
#: known; what else has its stem, by words in a few.
_SHORT, _OFTEN, _SOME = 3, 50, 5
#: So many words tell what goes with them, the rarest.
_MOST_BESIDE = 4
#: What looking for near words may cost, in steps of `expand`.
_MOST_STEPS = 1_000_000
#: So many words are compared in earnest; those in more stories than this are not counted anew.
_COMPARED, _MANY = 12, 5_000
#: So many in place of a word that is known, but not beside the others.
_COMPARED_BESIDE = 4
#: A word in one story alone may be a slip itself; in a smaller archive that tells nothing.
_FEW_STORIES = 100
#: How much frequency counts: people look for rare words more often than writers use them; and
#: how much less words in fewer than so many stories of a larger archive: they may be slips.
_FREQUENCY, _SELDOM, _SOME_STORIES = 0.7, 0.3, 5
#: A correction is sure if it is so many times as likely as the next.
_SURE = 5.0
#: A known word may be a slip if it stands in so few rows, or never in one with the others
#: typed; then it is put right by a word that stands beside one of them in so many rows, which
#: are such a share of the rows of either.
_RARE, _TOGETHER, _SHARE = 10, 3, 0.05
#: A word is hardly ever written so if it mostly is, so many times as often, in another form.
_HARDLY_SO = 100
#: Where nothing one slip away stands in more rows, what is two slips away is looked at.
_HARDLY = 2


class Respelling(NamedTuple):
    """A better spelling of a query.

    sure: the words put right occur nowhere, as all others do, and nothing else is nearly as
        likely to have been meant
    """

    text: str
    sure: bool


def respell(
    selector: Selector, query: str, words: Sequence[TypedWord], *, few: bool = True
) -> Respelling | None:
    """A better spelling of the plain words of a query; None if nothing is better.

    few: few stories have all the words; otherwise only what is never written is put right

    Takes about two milliseconds for each misspelt word, and at most 20 whatever was typed.
    """
    return _Speller(selector, query, words, few).respelling()


class _Typed(NamedTuple):
    """A folded word as typed, `query[start:end]`.

    rows: in how many its stem stands; written: whether it is ever so written
    """

    text: str
    start: int
    end: int
    rows: int
    written: bool


class _Near(NamedTuple):
    """Words that may have been meant, where they stand, and how likely the slip is."""

    words: tuple[str, ...]
    rows: int
    stories: int
    slip: float

    @property
    def node(self) -> Word | Phrase:
        """What finds them, as written."""
        if len(self.words) == 1:
            return Word(self.words[0], exact=True)
        return Phrase(self.words, exact=True)


class _Choice(NamedTuple):
    """What should stand in place of `query[start:end]`; see `Respelling`."""

    start: int
    end: int
    words: tuple[str, ...]
    sure: bool


class _Speller:
    """Looks for a better spelling of one query."""

    def __init__(
        self, selector: Selector, query: str, words: Sequence[TypedWord], few: bool
    ) -> None:
        self._selector = selector
        self._lexicon = selector.dictionary
        self._language = selector.dictionary.language
        self._counts = selector.occurrences()
        self._least = 1 if self._counts.all_stories < _FEW_STORIES else 2
        self._few = few
        self._query = query
        self._typed = list(islice(self._read(words), MOST_TYPED))
        self._context = [typed.text for typed in self._typed if typed.rows]
        self._budget = Budget(most_steps=_MOST_STEPS)

    def _read(self, words: Sequence[TypedWord]) -> Iterator[_Typed]:
        for word in words:
            for found in WORD_PATTERN.finditer(word.text):
                parts = cut(found.group()).parts
                if len(parts) != 1 or not (text := parts[0]):
                    continue  # what is joined is hardly a slip
                start, end = word.start + found.start(), word.start + found.end()
                if found.group().lower().endswith(("'s", "’s")):
                    end -= 2
                forms = (text, *self._lexicon.relatives.of(text))
                rows = sum(map(self._counts.postings, forms))
                written = rows > 0 and self._lexicon.frequency(text) > 0
                yield _Typed(text, start, end, rows, written)

    def respelling(self) -> Respelling | None:
        """The query with all put right that can be."""
        choices = list(self._joined()) if self._few else []
        unknown = 0
        for typed in sorted(self._typed, key=lambda typed: typed.rows > 0):
            if any(choice.start <= typed.start < choice.end for choice in choices):
                continue
            choice = self._choice(typed)
            if choice is not None:
                choices.append(choice)
                # What was put right tells, too, what goes with it.
                self._context += choice.words
            elif not typed.rows:
                unknown += 1
        if not choices:
            return None
        text = self._query
        for choice in sorted(choices, reverse=True):
            better = cased(choice.words, text[choice.start : choice.end])
            text = text[: choice.start] + better + text[choice.end :]
        return Respelling(text, not unknown and all(choice.sure for choice in choices))

    def _joined(self) -> Iterator[_Choice]:
        """Neighbours that are known as one word, and not, or far less, as two."""
        end = 0
        for one, other in pairwise(self._typed):
            text = one.text + other.text
            if one.start < end or not self._query[one.end : other.start].isspace():
                continue
            if len(text) < _SHORTEST_KNOWN or not text.isalpha():
                continue
            if not self._language.function_words.isdisjoint((one.text, other.text)):
                continue
            stories = self._lexicon.frequency(text)
            if not stories or (
                stories <= _MANY and self._counts.stories(Word(text, exact=True)) < self._least
            ):
                continue
            known = one.rows > 0 and other.rows > 0
            if known and stories < far_more(self._counts.rows(Phrase((one.text, other.text)))):
                continue
            end = other.end
            yield _Choice(one.start, other.end, (text,), not known)

    def _choice(self, typed: _Typed) -> _Choice | None:
        """What one word should have been."""
        if self._lexicon.relatives.of(typed.text):
            return None  # it is found in another language
        if not _SHORTEST <= len(typed.text) <= _LONGEST or not typed.text.isalpha():
            return None
        beside = {*self._context} - self._language.function_words - {typed.text}
        others = nsmallest(_MOST_BESIDE, sorted(beside), key=self._counts.postings)
        if not typed.rows and len(typed.text) > _SHORT:
            ranked = self._unknown(typed.text, others)
        elif not typed.written:
            near = [
                some for some in self._near(typed.text, 1, _SOME)
                if some.rows >= _OFTEN or not self._is_inflected(typed.text, some.words[0])
            ]  # fmt: skip
            ranked = self._ranked(near, others)
        elif self._few and len(typed.text) > _SHORT:
            ranked = self._ranked(self._known(typed, others), others)
        else:
            return None
        if not ranked:
            return None
        best, found = ranked[0]
        sure = not typed.rows and len(typed.text) > _SHORT
        sure = sure and (len(ranked) == 1 or best >= _SURE * ranked[1][0])
        return _Choice(typed.start, typed.end, tuple(map(self._usual, found.words)), sure)

    def _usual(self, word: str) -> str:
        """A word as it is mostly written, if hardly ever as it is: Ukraine for ukrain."""
        light_form = self._language.light_form
        alike = {other for other in self._selector.expander.beginning(word, _COMPARED)
                 if light_form(other) == light_form(word)}  # fmt: skip
        rows = {other: self._selector.rows_as_written(other) for other in {word, *alike}}
        best = max(sorted(rows), key=rows.__getitem__)
        return best if rows[best] >= _HARDLY_SO * rows[word] else word

    def _is_inflected(self, one: str, other: str) -> bool:
        """Whether one of two words may be an inflection of the other, and not a slip."""
        endings, light_form = ("s", "d", "ing"), self._language.light_form
        alike = light_form(one) == light_form(other)
        return len(one) <= _SHORT or (alike and (one.endswith(endings) or other.endswith(endings)))

    def _known(self, typed: _Typed, others: list[str]) -> list[_Near]:
        """What a word may have been meant to be that does occur, but seldom or elsewhere."""
        rare = typed.rows <= _RARE and len(typed.text) >= _SHORTEST_KNOWN
        if not rare and (not others or typed.text in self._language.function_words):
            return []
        own = Word(typed.text)
        self._counts.foresee([(own, Word(other)) for other in others])
        beside = {other: self._beside(own, other) for other in others}
        # In how many rows what was meant must stand beside each of the others.
        needed = {other: max(_TOGETHER, far_more(1) * rows) for other, rows in beside.items()}
        if rare:
            least = far_more(typed.rows)
            split = [some for some in self._split(typed.text) if some.rows >= least]
            near = self._near(typed.text, 1, least) + split
            if not any(beside.values()):
                return near
        else:
            near = self._near(typed.text, 1, min(needed.values()), _COMPARED_BESIDE)
        self._counts.foresee([(some.node, Word(other)) for some in near for other in others])
        return [
            some for some in near
            if any(self._belongs(some, other, least) for other, least in needed.items())
        ]  # fmt: skip

    def _unknown(self, text: str, others: list[str]) -> list[tuple[float, _Near]]:
        """What a word that occurs nowhere may have been meant to be, the likeliest first."""
        ranked = self._ranked(self._near(text, 1) + self._split(text), others)
        rows = ranked[0][1].rows if ranked else 0
        # What hardly occurs may be another slip of what was meant.
        if rows <= _HARDLY and len(text) >= _SHORTEST_OF_TWO:
            ranked = self._ranked(self._near(text, 2, far_more(rows)), others) or ranked
        return ranked

    def _ranked(self, near: list[_Near], others: list[str]) -> list[tuple[float, _Near]]:
        total = self._lexicon.rows
        self._counts.foresee([(some.node, Word(other)) for some in near for other in others])
        ranked = []
        for some in near:
            share = some.rows / total if others else some.stories / self._counts.all_stories
            often = share**_FREQUENCY
            if some.stories < _SOME_STORIES and self._counts.all_stories >= _FEW_STORIES:
                often *= _SELDOM
            beside = sum(self._counts.share(some.node, other) for other in others)
            ranked.append((some.slip * (often + beside), some))
        return sorted(ranked, reverse=True)

    # Words that may have been meant

    def _near(self, typed: str, slips: int, least: int = 1, most: int = _COMPARED) -> list[_Near]:
        """Words so many slips away that stand in so many stories, and in more than one."""
        try:
            counts = self._selector.expander.counts(Fuzzy(typed, slips), self._budget)
        except (QueryError, QueryTooCostly):
            return []
        weights = {
            text: slip(typed, text)
            for text, count in counts.items()
            if count >= least and text != typed
        }
        likeliest = nlargest(
            most, weights, key=lambda text: weights[text] * counts[text] ** _FREQUENCY
        )
        near = []
        for text in likeliest:
            node = Word(text, exact=True)
            rows = stories = counts[text]
            if stories <= _MANY:
                rows, stories = self._counts.rows(node), self._counts.stories(node)
            if rows >= least and stories >= self._least:
                near.append(_Near((text,), rows, stories, weights[text]))
        return near

    def _split(self, typed: str) -> list[_Near]:
        """Two words that stand in a row and were run together."""
        frequency = self._lexicon.frequency
        pairs = [(typed[:at], typed[at:]) for at in range(1, len(typed))]
        counts = {
            pair: min(map(frequency, pair))
            for pair in pairs
            if all(len(part) > 1 or part == "a" for part in pair) and all(map(frequency, pair))
        }
        near = []
        for pair in nlargest(2, counts, key=counts.__getitem__):
            node = Phrase(pair, exact=True)
            rows = self._counts.rows(node)
            if (stories := self._counts.stories(node)) >= self._least:
                likely = SPACE if self._language.function_words.isdisjoint(pair) else SPACE / 10
                near.append(_Near(pair, rows, stories, likely))
        return near

    def _belongs(self, near: _Near, other: str, least: int) -> bool:
        """Whether a word stands beside another one often enough, and too often for chance."""
        theirs = self._counts.rows(Word(other))
        return self._beside(near.node, other) >= max(least, _SHARE * min(near.rows, theirs))

    def _beside(self, node: Word | Phrase, other: str) -> int:
        """In how many rows a node stands beside another word."""
        return round(self._counts.share(node, other) * self._counts.rows(Word(other)))


def far_more(rows: int) -> int:
    """In how many rows a word must stand for one in so many to be taken for a slip of it."""
    return max(1, 10 * rows * rows)
