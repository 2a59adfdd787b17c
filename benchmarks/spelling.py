"""How often the right spelling and the right completion are offered, and how fast.

    python -m benchmarks.spelling --data FOLDER

The folder has real stories (`stories/`, with make_stories.py). Slips are made of words that
stand in five stories or more, drawn as often as they are written and each as often as any other; a
slip that is itself a word of the archive is left out and counted. Completions are of pairs of
words that titles often have in a row.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random

import click
import msgspec

from indexer.analysis import fold, iter_words
from indexer.build.stories import build_stories
from indexer.engine import COMPILED
from indexer.model import Story
from indexer.query.parser import parse
from indexer.schema import rows_of
from indexer.search.executor import Executor
from indexer.search.find import Searcher
from indexer.search.respell import respell
from indexer.search.select import Selector
from indexer.search.snapshot import open_snapshot
from indexer.search.suggest import complete

from .real_stories import real_stories
from .summary import percentile

#: Words that slips are made of: the fewest stories and letters.
STORIES, LETTERS = 5, 5
#: In so many titles at least a pair of words stands.
TITLES = 20
KINDS = ("left out", "put in", "replaced", "swapped")
DRAWS = ("as often as written", "each as often")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Score(msgspec.Struct):
    """What was asked, how often the answer was right, and the milliseconds of the processor."""

    name: str
    asked: int
    right: float
    goal: float
    median: float
    p99: float


class Words(msgspec.Struct):
    """How many stories each word of some stories is in, and how often titles have pairs."""

    stories: Counter[str]
    pairs: Counter[tuple[str, str]]


def count_words(stories: Sequence[Story]) -> Words:
    """Count the folded words of stories and the pairs in their titles."""
    words = Words(Counter(), Counter())
    for story in stories:
        found = set()
        for row in rows_of(story):
            title = [fold(word.text) for word in iter_words(row.title)]
            words.pairs.update(pairwise(title))
            found.update(title)
            for text in (row.excerpt, row.body):
                found.update(fold(word.text) for word in iter_words(text))
        words.stories.update(found)
    return words


def slip(word: str, kind: str, random: Random) -> str:
    """A word with one slip, at any place."""
    at = random.randrange(len(word) + (kind == "put in") - (kind == "swapped"))
    if kind == "left out":
        return word[:at] + word[at + 1 :]
    if kind == "swapped":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    letter = random.choice(_ALPHABET)
    return word[:at] + letter + word[at + (kind == "replaced") :]


def slips(words: Words, kind: str, draw: str, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Words and slips of them that no story has."""
    usual = sorted(
        word for word, stories in words.stories.items()
        if stories >= STORIES and len(word) >= LETTERS and word.isascii() and word.isalpha()
    )  # fmt: skip
    weights = [words.stories[word] if draw == DRAWS[0] else 1 for word in usual]
    random, sums = Random(f"{seed} {kind} {draw}"), list(accumulate(weights))
    while count:
        (word,) = random.choices(usual, cum_weights=sums)
        typed = slip(word, kind, random)
        if typed not in words.stories:
            count -= 1
            yield typed, word


def pairs(words: Words, count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of words, drawn as often as titles have them."""
    usual = sorted(
        pair for pair, titles in words.pairs.items()
        if titles >= TITLES and len(pair[1]) > 2 and all(word.isalpha() for word in pair)
    )  # fmt: skip
    return Random(seed).choices(usual, [words.pairs[pair] for pair in usual], k=count)


def measure(
    name: str, goal: float, asked: Sequence[tuple[str, str]], answer: Callable[[str], str | None]
) -> Score:
    """Ask all that was typed, and compare with what was meant."""
    right, times = 0, []
    for typed, meant in asked:
        started = time.thread_time()
        found = answer(typed)
        times.append(1000 * (time.thread_time() - started))
        right += found == meant
    share = right / len(asked)
    return Score(name, len(asked), share, goal, percentile(times, 0.5), percentile(times, 0.99))


def scores_of(selector: Selector, words: Words, count: int, seed: int) -> Iterator[Score]:
    """All that is measured, with so many of each kind."""

    def corrected(typed: str) -> str | None:
        better = respell(selector, typed, parse(typed).words)
        return better and better.text

    def completed(typed: str) -> str | None:
        return next(iter(complete(selector, typed, 8)), None)

    corrected("warming up")
    for draw in DRAWS:
        for kind in KINDS:
            asked = list(slips(words, kind, draw, count, seed))
            yield measure(f"a letter {kind}, words {draw}", 0.95, asked, corrected)
    for letters, goal in ((1, 0.4), (2, 0.7)):
        some = pairs(words, count, seed)
        asked = [(f"{one} {other[:letters]}", f"{one} {other}") for one, other in some]
        yield measure(f"second word of a pair after {letters}", goal, asked, completed)
    starts = [(word[:2], "") for word in words.stories if len(word) > 2][:count]
    yield measure("two letters", 0.0, starts, completed)


def markdown(scores: Sequence[Score]) -> str:
    """The scores as a table."""
    rows = [["asked", "number", "right", "goal", "median ms", "p99 ms"], ["---"] + ["---:"] * 5]
    for score in scores:
        goal = f"≥ {score.goal:.0%}" if score.goal else ""
        right = f"{score.right:.1%}" if score.goal else ""
        times = [f"{score.median:.2f}", f"{score.p99:.2f}"]
        rows.append([score.name, f"{score.asked:,}", right, goal, *times])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with stories/.",
)
@click.option("--stories", default=3000, show_default=True, help="Stories in the archive.")
@click.option("--queries", default=1000, show_default=True, help="Of each kind.")
@click.option("--seed", default=1, show_default=True, help="Of slips and pairs.")
def main(data: Path, stories: int, queries: int, seed: int) -> None:
    """Measure better spellings and completions on real stories."""
    archive = list(real_stories(data, stories))
    with tempfile.TemporaryDirectory(prefix="storydex-spelling-") as folder:
        build_stories(archive, folder)
        COMPILED.load()
        selector = Searcher(Executor(open_snapshot(folder), COMPILED)).selector
        click.echo(markdown(list(scores_of(selector, count_words(archive), queries, seed))))


if __name__ == "__main__":
    main()
