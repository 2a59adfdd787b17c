"""Stories → their documents: words as terms, articles as nested rows, facets, the whole story.

All words are made here, by what inverts the text of an index folder: the cluster cuts texts at
blanks alone. A row carries for each word t of the formula (see `ranking`), so that the cluster
ranks by the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from ..analysis import WORD_PATTERN
from ..build.text import InvertedText, TextBuilder
from ..codec.format import I64, Mask
from ..codec.invert import changed
from ..codec.positions import positions_of
from ..languages import Language
from ..model import Story
from ..ranking import WEIGHTS, Averages
from ..schema import CAPITAL, POSITION_GAP, ROW_FIELDS, fields_of, rows_of
from ..search.words import FIELD_BITS
from .mapping import GAP, TOGETHER, whole_micros
from .names import CAPITALS, INSIDE, SCALE, STEM, WRITTEN, light_key, safe, tokens_of

_SCALED = np.rint(WEIGHTS * SCALE).astype(np.int64)


class Counts:
    """In how many stories and rows words are, and how often they occur; see `names.STEM`."""

    def __init__(self) -> None:
        self.stories: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.occurrences: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.stories)

    def add(self, other: Counts) -> None:
        """Add what was counted elsewhere."""
        self.stories.update(other.stories)
        self.rows.update(other.rows)
        self.occurrences.update(other.occurrences)

    def take(self, other: Counts) -> None:
        """Take away what was counted elsewhere."""
        self.stories.subtract(other.stories)
        self.rows.subtract(other.rows)
        self.occurrences.subtract(other.occurrences)

    def clear(self) -> None:
        """Forget all words."""
        for counter in (self.stories, self.rows, self.occurrences):
            counter.clear()

    def items(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Words and their numbers, but for those that stay as they were."""
        for key, stories in self.stories.items():
            rows, occurrences = self.rows[key], self.occurrences[key]
            if stories or rows or occurrences:
                yield key, {"stories": stories, "rows": rows, "occurrences": occurrences}


class Writer:
    """Makes documents for an index with such averages and such a language."""

    def __init__(self, averages: Averages, language: Language) -> None:
        self._averages = averages
        self._language = language
        self._text = TextBuilder()

    def documents(self, stories: Sequence[Story], counts: Counts) -> list[bytes]:
        """The documents of some stories as JSON; adds to what is counted of words."""
        self._text.clear()
        firsts = []
        for story in stories:
            firsts.append(self._text.rows)
            for row in rows_of(story):
                self._text.add(row)
        if not stories:
            return []
        size = self._text.rows
        inverted = self._text.invert(self._averages, self._language)
        words = _Words(inverted, np.array(firsts), size, self._language)
        weights, texts = words.weights(counts), words.texts()
        stems, forms = words.of_stories()
        found = []
        for number, (story, first) in enumerate(zip(stories, firsts, strict=True)):
            end = firsts[number + 1] if number + 1 < len(firsts) else size
            rows = [
                {"lead": row == first, "t": weights[row]} | texts[row] for row in range(first, end)
            ]
            known = fields_of(story)
            has = [
                name for name in ("excerpt", "body") if WORD_PATTERN.search(getattr(story, name))
            ]
            has += ["related"] * bool(story.related) + ["url"] * bool(known["url"])
            if inverted.lengths["title"][first]:
                has.append("title")
            document = _known(story, known) | {
                "stems": stems[number], "forms": forms[number], "has": has, "rows": rows,
            }  # fmt: skip
            found.append(msgspec.json.encode(document))
        return found


def _known(story: Story, known: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in known.items() if value not in (None, [])},
        "id": story.id,
        "published_at": whole_micros(known["published_at"]),
        "articles": len(story.related),
        "lead": msgspec.structs.replace(story, related=()),
        "related": list(story.related),
    }


class _Words:
    """The words of some rows, a posting for each row and written form.

    firsts: the first row of each story; size: the number of rows
    """

    def __init__(self, inverted: InvertedText, firsts: I64, size: int, language: Language) -> None:
        self._postings = postings = inverted.postings
        self._lengths = inverted.lengths
        self._size = size
        self._stories = np.searchsorted(firsts, np.arange(size), side="right") - 1
        self._leads = np.zeros(size, np.bool_)
        self._leads[firsts] = True
        written = postings.written
        self._terms = np.repeat(np.arange(len(postings.terms)), np.diff(postings.starts))
        self._forms = written.starts[self._terms] + postings.forms
        self._rows = postings.rows.astype(np.int64)
        self._t = _SCALED[postings.weights]
        # The light forms of a term follow each other.
        of_forms = np.repeat(np.arange(len(postings.terms)), np.diff(written.starts))
        begins = np.flatnonzero(changed(of_forms, written.groups))
        lights = np.zeros(len(of_forms), np.int64)
        lights[begins[1:]] = 1
        self._lights = np.cumsum(lights)[self._forms]
        stems = [term.decode() for term in postings.terms]
        texts = [text.decode() for text in written.texts]
        parents = [stems[term] for term in of_forms.tolist()]
        self._safe = [safe(stem) for stem in stems]
        self._texts = [safe(text) for text in texts]
        self._tokens = [" " + tokens_of(*pair) for pair in zip(parents, texts, strict=True)]
        light_names = [light_key(language, texts[at], parents[at]) for at in begins.tolist()]
        #: The names of weights; those of a kind follow each other.
        self._names = [
            *(STEM + stem for stem in self._safe), *light_names,
            *(WRITTEN + text for text in self._texts), *(CAPITALS + stem for stem in self._safe),
        ]  # fmt: skip

    def weights(self, counts: Counts) -> list[dict[str, int]]:
        """For each row the weights of its words by name; adds to what is counted of words."""
        everything = np.arange(len(self._rows))
        found = self._summed(everything)
        rows, names, weights, times, _ = (
            np.concatenate(parts) for parts in zip(*found, strict=True)
        )
        pairs = np.unique(names << 32 | self._stories[rows])
        known = np.bincount(pairs >> 32, minlength=len(self._names))
        inside = np.bincount(names, minlength=len(self._names))
        often = np.bincount(names, weights=times, minlength=len(self._names)).astype(np.int64)
        some = np.flatnonzero(known)
        texts = [self._names[name] for name in some.tolist()]
        counts.stories.update(dict(zip(texts, known[some].tolist(), strict=True)))
        counts.rows.update(dict(zip(texts, inside[some].tolist(), strict=True)))
        counts.occurrences.update(dict(zip(texts, often[some].tolist(), strict=True)))
        within = [self._inside(field) for field in FIELD_BITS]
        labels = [*self._names]
        parts = [(rows, names, weights)]
        for field, (in_rows, of, least) in zip(FIELD_BITS, within, strict=True):
            parts.append((in_rows, np.arange(len(of)) + len(labels), least))
            labels += [INSIDE[field] + self._names[name] for name in of.tolist()]
        rows, names, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(rows, kind="stable")
        bounds = np.searchsorted(rows[order], np.arange(self._size + 1)).tolist()
        ordered = [labels[name] for name in names[order].tolist()]
        values = weights[order].tolist()
        return [
            dict(zip(ordered[begin:end], values[begin:end], strict=True))
            for begin, end in pairwise(bounds)
        ]

    def _summed(self, some: I64, inside: Mask | None = None) -> list[Any]:
        """For each kind of name what some postings add up to.

        Rows, names, weights, occurrences, and how many postings there are. `inside`: only what
        these add; the last is then how many are not among them.
        """
        stems, lights = len(self._safe), int(self._lights.max(initial=-1)) + 1
        capital = some[(self._postings.bits[some] & CAPITAL) != 0]
        kinds = [
            (some, self._terms, 0), (some, self._lights, stems),
            (some, self._forms, stems + lights),
            (capital, self._terms, stems + lights + len(self._texts)),
        ]  # fmt: skip
        found = []
        for postings, of, base in kinds if inside is None else [kinds[0], kinds[1], kinds[3]]:
            begins = np.flatnonzero(changed(of[postings], self._rows[postings]))
            first = postings[begins]
            t, tfs = self._t[postings], self._postings.tfs[postings].astype(np.int64)
            lacking = np.zeros(len(postings), np.int64)
            if inside is not None:
                kept = inside[postings]
                t, lacking = t * kept, (~kept).astype(np.int64)
            sums = [_sums(column, begins) for column in (t, tfs, lacking)]
            found.append((self._rows[first], of[first] + base, *sums))
        return found

    def _inside(self, field: str) -> tuple[I64, I64, I64]:
        """The weights within a field that differ from those of the whole row: rows, names, weights.

        1, which is next to nothing, for a word that is not there, where one with its stem is.
        """
        bits, of_lead = FIELD_BITS[field]
        inside = (self._postings.bits & bits) != 0
        begins = np.flatnonzero(changed(self._terms, self._rows))
        sizes = np.diff(begins, append=len(self._rows))
        count = _sums(inside.astype(np.int64), begins)
        mixed = (count > 0) & (count < sizes) & (self._leads[self._rows[begins]] == of_lead)
        some = np.flatnonzero(np.repeat(mixed, sizes))
        found = self._summed(some, inside)
        rows, names, weights, _, lacking = (
            np.concatenate(parts) for parts in zip(*found, strict=True)
        )
        differs = lacking > 0
        return rows[differs], names[differs], np.maximum(weights[differs], 1)

    def of_stories(self) -> tuple[list[list[str]], list[list[str]]]:
        """For each story its stems, and its words as written."""
        return self._by_story(self._terms, self._safe), self._by_story(self._forms, self._texts)

    def _by_story(self, of: I64, names: list[str]) -> list[list[str]]:
        count = int(self._stories[-1]) + 1
        pairs = np.unique(self._stories[self._rows] * len(names) + of) if len(of) else of
        stories, of = np.divmod(pairs, max(1, len(names)))
        bounds = np.searchsorted(stories, np.arange(count + 1)).tolist()
        ordered = [names[name] for name in of.tolist()]
        return [ordered[begin:end] for begin, end in pairwise(bounds)]

    def texts(self) -> list[dict[str, list[str]]]:
        """For each row its texts by field, for an analyser that cuts at blanks.

        Words that stand in one place are joined; one that stays empty has a sign of its own.
        """
        found: list[dict[str, list[str]]] = [{} for _ in range(self._size)]
        if not len(self._rows):
            return found
        tfs = self._postings.tfs.astype(np.int64)
        positions = positions_of(self._postings.steps, self._postings.tfs)
        places = (np.repeat(self._rows, tfs) << 32) | positions
        order = np.argsort(places, kind="stable")
        places, forms = places[order], np.repeat(self._forms, tfs)[order]
        words = [self._tokens[form] for form in forms.tolist()]
        ahead = np.diff(places, prepend=-(1 << 32))
        for at in np.flatnonzero((ahead != 1) & (ahead <= POSITION_GAP)).tolist():
            empty = int(ahead[at]) - 1
            words[at] = TOGETHER + words[at][1:] if empty < 0 else f" {GAP}" * empty + words[at]
        begins = np.flatnonzero(ahead > POSITION_GAP)
        rows = (places[begins] >> 32).tolist()
        fields = self._fields_at(places[begins] & 0xFFFFFFFF, places[begins] >> 32).tolist()
        bounds = [*begins.tolist(), len(words)]
        for row, field, begin, end in zip(rows, fields, bounds, bounds[1:], strict=False):
            text = "".join(words[begin:end])[1:]
            found[row].setdefault(ROW_FIELDS[field], []).append(text)
        return found

    def _fields_at(self, positions: I64, rows: I64) -> I64:
        """In which field of their rows positions are."""
        fields, start = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
        for number, name in enumerate(ROW_FIELDS[:-1], 1):
            start += self._lengths[name][rows] + POSITION_GAP
            fields[positions >= start] = number
        return fields


def _sums(values: I64, begins: I64) -> I64:
    return np.add.reduceat(values, begins) if len(begins) else values[:0]
