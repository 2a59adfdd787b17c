"""Synonyms: a small file beside the stories → other words that a word stands for.

    - [car, automobile, motor car]        each finds stories with any of them
    - uk: [united kingdom, britain]       uk finds the others, too, and not the other way round

They apply to words without a field, and when searching, so that no index need be rebuilt.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeGuard

from ..analysis import forms_of
from ..disk import read_beside
from ..errors import SeedError
from ..languages import ENGLISH, Language
from ..schema import SYNONYMS_NAME
from . import clauses
from .nodes import (
    All,
    Alternatives,
    Compound,
    Node,
    Phrase,
    Word,
    children,
    texts_of,
    with_children,
)
from .parsed import ParsedQuery

_MAX_DEPTH = 32
#: The most words that one stands for, and pairs of a word and another together.
_MOST_WORDS = 256
_MOST_PAIRS = 1_000_000
#: What another word counts beside the one typed.
_WEIGHT = 0.8

#: Stems of words in a row → the folded words that they stand for, without themselves.
Synonyms = Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]]
NO_SYNONYMS: Synonyms = {}


def read_synonyms(folder: str | os.PathLike[str], language: Language = ENGLISH) -> Synonyms:
    """The synonyms of a folder of stories; none without a file.

    Raises `SeedError`, which names the file, the line or entry, and the remedy.
    """
    path = os.path.join(os.fspath(folder), SYNONYMS_NAME)
    data = read_beside(path)
    if data is None:
        return NO_SYNONYMS
    entries = _load(path, data)
    found: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
    if entries is not None and not isinstance(entries, list):
        raise SeedError(path, "no list: write lines such as - [car, automobile]")
    pairs = 0
    stems_of = cache(partial(_stems, language=language))
    for number, entry in enumerate(entries or (), 1):
        for word, others in _read_entry(path, number, entry):
            stems = stems_of(word)
            pairs += len(others)
            if pairs > _MOST_PAIRS:
                raise SeedError(path, f"entry {number}: over {_MOST_PAIRS:,} pairs: shorten it")
            group = found.setdefault(stems, {})
            group.update(dict.fromkeys(other for other in others if stems_of(other) != stems))
            # Words that are others without their signs do not count.
            joined = {("".join(one),) for one in group if len(one) > 1}
            if len(group.keys() - joined) > _MOST_WORDS:
                raise _too_many(path, number)
    return {word: tuple(others) for word, others in found.items() if others}


def synonyms_beside(folder: str, language: Language) -> Synonyms:
    """The synonyms of a folder; none without one. What cannot be read is warned of."""
    try:
        return read_synonyms(folder, language) if folder else NO_SYNONYMS
    except SeedError as error:
        warnings.warn(f"{error}; searching without synonyms", stacklevel=3)
        return NO_SYNONYMS


def _load(path: str, data: bytes) -> Any:
    """What the file says; refuses what could come to more than memory holds, or nests deep."""
    import yaml  # takes a tenth of the time in which a command starts

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the former takes a fifth of the time
    depth = 0
    try:
        for event in yaml.parse(data, loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.AliasEvent):
                raise SeedError(path, f"line {line}: an alias: write out what it stands for")
            if getattr(event, "tag", None) is not None:
                raise SeedError(path, f"line {line}: a tag: write the word alone")
            if depth > _MAX_DEPTH:
                raise SeedError(path, f"line {line}: nested too deep: write [car, automobile]")
        return yaml.load(data, loader)
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        raise SeedError(path, f"not YAML: {' '.join(str(error).split())}") from None


def _stems(words: tuple[str, ...], language: Language) -> tuple[str, ...]:
    return tuple(map(language.stem_of, words))


def _read_entry(
    path: str, number: int, entry: Any
) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    lists = entry.values() if isinstance(entry, dict) else (entry,)
    if any(isinstance(words, list) and len(words) > _MOST_WORDS for words in lists):
        raise _too_many(path, number)
    if isinstance(entry, list):
        words = [form for word in entry for form in _read_word(path, number, word)]
        return [(word, words) for word in words]
    if isinstance(entry, dict) and all(isinstance(others, list) for others in entry.values()):
        return [
            (word, [form for one in others for form in _read_word(path, number, one)])
            for typed, others in entry.items()
            for word in _read_word(path, number, typed)
        ]
    raise SeedError(path, f"entry {number}: write [car, automobile] or uk: [united kingdom]")


def _too_many(path: str, number: int) -> SeedError:
    return SeedError(
        path, f"entry {number}: a word stands for {_MOST_WORDS} at most: leave some out"
    )


def _read_word(path: str, number: int, word: Any) -> list[tuple[str, ...]]:
    """The folded words that a word of the file is, or may be: wi fi, wifi; 9/11 is never 911."""
    words = tuple(forms_of(word)) if isinstance(word, str) else ()
    if not words:
        raise SeedError(path, f"entry {number}: {word!r:.40} is no word: put words in quotes")
    read = clauses.words(word) if len(words) > 1 else None
    return [words, (read.text,)] if isinstance(read, Compound) else [words]


def with_synonyms(
    parsed: ParsedQuery, synonyms: Synonyms, language: Language = ENGLISH
) -> ParsedQuery:
    """A query whose words also find what they stand for, but those in quotes and of fields."""
    if not synonyms:
        return parsed
    plain = _replaced(parsed.plain, synonyms, language)
    rest = parsed.rest and _within(parsed.rest, synonyms, language)
    return parsed.with_parts(plain, rest)


def _within(node: Node, synonyms: Synonyms, language: Language) -> Node:
    """A tree in which words, wherever they stand, also mean what they stand for."""
    if isinstance(node, All):
        node = All(tuple(_replaced(node.parts, synonyms, language)))
    if not children(node):
        return _replaced((node,), synonyms, language)[0]
    return with_children(node, lambda child: _within(child, synonyms, language))


def _replaced(nodes: Sequence[Node], synonyms: Synonyms, language: Language) -> list[Node]:
    """Nodes, of which words are replaced; of several in a row, the longest."""
    longest = max(map(len, synonyms))
    found: list[Node] = []
    at = 0
    while at < len(nodes):
        words: list[str] = []
        best: tuple[str, ...] = ()
        row: tuple[str, ...] = ()
        taken = 1
        for number, node in enumerate(nodes[at : at + longest], 1):
            if not _is_word(node):
                break
            words += texts_of(node)
            if (stems := _stems(tuple(words), language)) in synonyms:
                best, row, taken = stems, tuple(words), number
        first = nodes[at]
        if best and isinstance(first, Word | Compound | Phrase):
            typed = Phrase(row) if taken > 1 else first
            found.append(Alternatives((typed, *[_node(other) for other in synonyms[best]])))
        else:
            found.append(first)
        at += taken
    return found


def _is_word(node: Node) -> TypeGuard[Word | Compound | Phrase]:
    """Whether a node is a word that means more than its letters, or a name of several."""
    if not isinstance(node, Word | Compound | Phrase) or node.field is not None or node.weight != 1:
        return False
    if isinstance(node, Phrase):
        return node.joined
    return not (isinstance(node, Word) and node.exact)


def _node(words: tuple[str, ...]) -> Word | Phrase:
    return Word(words[0], weight=_WEIGHT) if len(words) == 1 else Phrase(words, weight=_WEIGHT)
