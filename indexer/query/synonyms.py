"""Synonyms: a small file beside the stories → other words that a word stands for.

    - [car, automobile, motor car]        each finds stories with any of them
    - uk: [united kingdom, britain]       uk finds the others, too, and not the other way round

They apply to plain words and when searching, so that no index need be rebuilt.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

import yaml

from ..analysis import forms_of
from ..errors import SeedError
from ..languages import ENGLISH, Language
from ..schema import SYNONYMS_NAME
from .nodes import Alternatives, Compound, Phrase, Word, all_of
from .parser import ParsedQuery, Plain

_MAX_BYTES = 1 << 20
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
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SeedError(path, "no regular file: replace it by one")
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return NO_SYNONYMS
    except OSError as error:
        raise SeedError(path, f"cannot be read ({error.strerror}): check its permissions") from None
    if len(data) > _MAX_BYTES:
        raise SeedError(path, "over 1 MiB: shorten it")
    try:
        entries = yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SeedError(path, f"not YAML: {' '.join(str(error).split())}") from None
    found: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
    if entries is not None and not isinstance(entries, list):
        raise SeedError(path, "no list: write lines such as - [car, automobile]")
    for number, entry in enumerate(entries or (), 1):
        for word, others in _read_entry(path, number, entry):
            stems = _stems(word, language)
            group = found.setdefault(stems, {})
            group.update(
                dict.fromkeys(other for other in others if _stems(other, language) != stems)
            )
    return {word: tuple(others) for word, others in found.items() if others}


def _stems(words: tuple[str, ...], language: Language) -> tuple[str, ...]:
    return tuple(map(language.stem_of, words))


def _open_at_once(name: str, mode: int) -> int:
    """Open a file, and wait for nobody should it be a pipe."""
    return os.open(name, mode | os.O_NONBLOCK)


def _read_entry(
    path: str, number: int, entry: Any
) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    if isinstance(entry, list):
        words = [_read_word(path, number, word) for word in entry]
        return [(word, words) for word in words]
    if isinstance(entry, dict) and all(isinstance(others, list) for others in entry.values()):
        return [
            (_read_word(path, number, word), [_read_word(path, number, one) for one in others])
            for word, others in entry.items()
        ]
    raise SeedError(path, f"entry {number}: write [car, automobile] or uk: [united kingdom]")


def _read_word(path: str, number: int, word: Any) -> tuple[str, ...]:
    words = tuple(forms_of(word)) if isinstance(word, str) else ()
    if not words:
        raise SeedError(path, f"entry {number}: {word!r} is no word: put words in quotes")
    return words


def with_synonyms(
    parsed: ParsedQuery, synonyms: Synonyms, language: Language = ENGLISH
) -> ParsedQuery:
    """A query whose plain words also find what they stand for; of several in a row, the longest."""
    if not synonyms or not parsed.plain:
        return parsed
    longest = max(map(len, synonyms))
    plain: list[Plain] = []
    at = 0
    while at < len(parsed.plain):
        words: list[str] = []
        best: tuple[str, ...] = ()
        row: tuple[str, ...] = ()
        for node in parsed.plain[at : at + longest]:
            if not isinstance(node, Word | Compound) or node.field or node.weight != 1:
                break
            words.append(node.text)
            if (stems := _stems(tuple(words), language)) in synonyms:
                best, row = stems, tuple(words)
        if not best:
            plain.append(parsed.plain[at])
            at += 1
            continue
        first = parsed.plain[at]
        typed = Phrase(row) if len(row) > 1 or isinstance(first, Alternatives) else first
        others = [_node(other) for other in synonyms[best]]
        plain.append(Alternatives((typed, *others)))
        at += len(best)
    rest = [] if parsed.rest is None else [parsed.rest]
    return parsed._replace(plain=tuple(plain), node=all_of([*plain, *rest]))


def _node(words: tuple[str, ...]) -> Word | Phrase:
    return Word(words[0], weight=_WEIGHT) if len(words) == 1 else Phrase(words, weight=_WEIGHT)
