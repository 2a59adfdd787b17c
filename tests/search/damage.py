"""Damages an index at random and searches it unverified, in processes that may crash.

    python -m tests.search.damage COUNT SEED [FIRST] [--large]

tries so many damages, from number FIRST on, and prints a line for each that ended in
something else than an answer or an error of storydex's own: its number, what was damaged,
what happened. The same numbers always mean the same damages. Odd ones are searched by
compiled loops, even ones plainly, and through the web front end by either. With --large it
is an index whose segment has several chunks of rows.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import indexer
from indexer.engine import COMPILED
from indexer.model import FACETS
from tests.search.mutations import damage, write_index, write_large_index
from web import caching, create_app
from web.connection import EXTENSION, Connection

#: What a damaged index may take, far more than a sound one needs.
SECONDS = 60
MEMORY = 4 << 30

QUERIES = (
    "", "cat", "cats computing fishing", "how of the", "cat dog absent zebu",
    "zebu moor bard cab fist sun", "cat OR absent", '"cat dog"', '"dog the cat"~3',
    'title:"cat dog"', 'related:"dog cat"~9', '"cat d*"', "cat NEAR/5 dog w/2 moon",
    "title:dogs", "related:computer body:moon", "+cat -dog", "=cats", "body:* -date:*",
    "ca* -zebu", "c?t *o*", "fishign~ related:catt~2", "provider:alpha cat", "topic:c* moon",
    "provider:*a* site:alpha.example", "quality:5..80 since:2020-01-01", "date:2020 heat:<0",
    "(cat OR dog) NOT (sun moon)", "cat^3 dog^0.5", "comptuing", "US published:yes",
    "https://alpha.example/0003.md",
)  # fmt: skip
#: What is asked of the web front end.
PAGES = (
    "/?q=cat+dog&provider=alpha.example&since=2020", "/?q=fishign&page=2", "/story/0001.md?q=cat",
    "/feed.atom?q=moon", "/api/v1/search?q=cat+sun&explain=1&facet=topic&limit=20", "/readyz",
    "/api/v1/export?q=cat&format=csv&rows=articles", "/api/v1/export?q=dog",
)  # fmt: skip
FILTERS = {"provider": ["alpha.example"], "topic": ["AI", "-law"], "year": ["2020", "2021"]}
#: Hits looked at of a page, and of an export.
_SEEN, _EXPORTED = 2, 80


#: One for all indexes: it takes longer to make than all the rest.
_APP = create_app({"TESTING": True})


def use(folder: Path, number: int) -> None:
    """Everything that reads an index to search it; every other page, as a number tells."""
    compiled = number % 2 == 1
    with indexer.open_index(folder, compiled=compiled) as engine:
        for query in QUERIES:
            _attempt(lambda query=query: _look(engine.search(query, facets=FACETS).hits, _SEEN))
        for call in _calls(engine):
            _attempt(call)
    _APP.extensions |= {caching.EXTENSION: caching.Answers(), EXTENSION: Connection(str(folder), 0)}
    for page in PAGES[number // 2 % 2 :: 2]:
        _attempt(lambda page=page: _visit(page))


def _visit(page: str) -> None:
    """Ask for a page; an error that the front end does not know is raised, since it is tested."""
    with _APP.test_client().get(page, base_url="http://localhost") as response:
        for _ in islice(response.iter_encoded(), 2):
            pass


def _calls(engine: indexer.Engine) -> tuple[Callable[[], object], ...]:
    """What may be asked of an engine beside a page of results."""
    request = indexer.SearchRequest
    return (
        engine.info,
        *(lambda text=text: engine.suggest(text) for text in ("c", "ca", "topic:")),
        lambda: _look(engine.more_like("0007.md")),
        *(
            lambda text=text: engine.explain(text, "0005.md")
            for text in ('"the cat" OR sun', "c* moon~ cat NEAR dog", "provider:alpha")
        ),
        lambda: engine.facet_values("provider", "a", query="cat"),
        lambda: engine.facet_values("topic", filters=FILTERS, sort="name", limit=1000),
        lambda: _look(engine.search("cat", sort="newest", filters=FILTERS).hits),
        lambda: engine.search("dog", sort="quality", since="2020-01-01", facets=("year",)),
        lambda: engine.search("moon", sort="oldest", offset=30, limit=1000, until="2021-01-01"),
        lambda: _look(engine.export(request(query="cat dog")), _EXPORTED),
        lambda: _look(engine.export(request(sort="newest")), _EXPORTED),
    )


def _look(hits: Iterable[indexer.Hit], most: int = 10) -> None:
    for hit in islice(hits, most):
        hit.story, hit.highlights, tuple(hit.story.related)
        for related in hit.related:
            related.highlights


def _attempt(call: Callable[[], object]) -> None:
    with suppress(indexer.StorydexError):
        call()


def _verdict(folder: Path, number: int) -> str:
    """What went wrong when the index was used; empty if nothing did."""
    try:
        _attempt(lambda: use(folder, number))
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in places if "indexer" in Path(frame.filename).parts]
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        return f"{type(error).__name__}: {error} ({place})"
    return ""


def _work(index: Path, seed: int, numbers: range, pipe: int) -> None:
    """Try damages one by one; each is announced, and what went wrong is told."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore", indexer.DamageWarning)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            copy = Path(folder) / str(number)
            shutil.copytree(index, copy, copy_function=os.link)
            done = damage(index, number, seed)
            (copy / done.file).unlink()
            (copy / done.file).write_bytes(done.data)
            about = f"{Path(done.file).suffix} {done.how}{', mended' * done.mended}"
            _tell(pipe, [number, about, None])
            verdict = _verdict(copy, number)
            _tell(pipe, [number, about, verdict])
            shutil.rmtree(copy)


def _tell(pipe: int, what: object) -> None:
    os.write(pipe, json.dumps(what).encode()[:3000] + b"\n")


def _run_child(index: Path, seed: int, numbers: range) -> Iterator[tuple[int, str, str]]:
    """Number, damage and verdict of each damage tried; ends early where the child does."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            _work(index, seed, numbers, writing)
            status = 0
        except Exception:  # of the test itself: told, and seen by the status
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    number, about, verdict = numbers.start, "", ""
    with open(reading, "rb", buffering=0) as pipe:
        left = b""
        while True:
            if not select.select([pipe], [], [], SECONDS)[0]:
                os.kill(child, signal.SIGKILL)
                verdict = "took too long"
                break
            more = pipe.read(1 << 16)
            if not more:
                break
            *lines, left = (left + more).split(b"\n")
            for line in lines:
                number, about, verdict = json.loads(line)
                if verdict is not None:
                    yield number, about, verdict
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status or verdict is None:
        killed = f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        yield number, about, verdict or killed


def try_damages(
    index: Path, count: int, seed: int, first: int = 0
) -> Iterator[tuple[int, str, str]]:
    """Number, damage and verdict of each of so many damages; an empty verdict is a good one."""
    COMPILED.load()
    for example in range(4):
        use(index, example)  # children find everything loaded
    number, end = first, first + count
    while number < end:
        for at, about, verdict in _run_child(index, seed, range(number, end)):
            yield at, about, verdict
            number = at + 1


def main() -> None:
    """Print what went wrong."""
    large = "--large" in sys.argv
    count, seed, *first = (int(word) for word in sys.argv[1:] if word != "--large")
    with tempfile.TemporaryDirectory() as folder:
        index = (write_large_index if large else write_index)(Path(folder))
        wrong = 0
        for number, about, verdict in try_damages(index, count, seed, *first):
            if verdict:
                wrong += 1
                print(f"{number}: {about}: {verdict}", flush=True)
        print(f"{count} damages, {wrong} wrong")


if __name__ == "__main__":
    main()
