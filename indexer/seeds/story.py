"""The bytes of a story file → a `Story`, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from ..model import FieldWarning, Provider, Rejection, Story
from ..schema import provider_key
from . import yaml_fast
from .faults import RefusalError, first_sign, no_front_matter, with_invisible
from .fields import FIELDS, KNOWN, story_keys
from .listing import MAX_BYTES, too_large
from .markup import find_secured
from .settings import NO_SETTINGS, Settings
from .values import BadValueError, parse_instant, parse_text, parse_title
from .yaml import Mapped, read_mapping

_OPENING = re.compile(r"---[ \t]*(?:\n|\Z)")
_CLOSING = re.compile(r"\n(?:---|\.\.\.)[ \t]*(?=\n|\Z)")
# In a body: after what a second document may begin, and what is one by its first key.
_MARKER = re.compile(r"^(?:---|\.\.\.)(?![-.])([^\n]*)\n(?!---|\.\.\.)", re.MULTILINE)
_OWN_KEY = re.compile(
    r"""
    [{]?\s* ["']? (?: title | excerpt | category | type | topics | published | publishedDateTime
        | draft | webUrl | originalUrl | ampWebUrl | cdnAmpWebUrl | quality | heat | provider
        | images | related | secured ) ["']? \s*: (?=\s|\Z)
    """,
    re.VERBOSE,
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_MOST_MARKERS, _MOST_LINES = 10_000, 100
_KEY = re.compile(r"""(?:["']([^"'\n]+)["']|([A-Za-z_][\w-]*))[ \t]*:(?:[ \t]|\Z)""")
_GOES_ON = re.compile(r"[ \t#]|-[ \t]|[^:\n]{1,64}:[ \t]")
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_WORD = re.compile(r"\w+")
_MIXED = re.compile(r"\d[^\W\d]|[^\W\d]\d")
# Each different word of a story costs some fifteen microseconds and a kilobyte, one of letters
# and digits twice that, and counts as two. Four megabytes of prose have some 40,000; of numbers
# or codes they could have a million.
_MOST_WORDS = 60_000
_BOM = "\ufeff"


class StoryRead(NamedTuple):
    """What became of a story file: a story and the fields dropped, or a rejection.

    unused: the names of keys that are not known, or whose value was of no use
    """

    story: Story | None
    rejection: Rejection | None
    warnings: tuple[FieldWarning, ...]
    unused: tuple[str, ...] = ()


def parse_story(
    data: bytes, story_id: str, *, fast: bool = True, settings: Settings = NO_SETTINGS
) -> StoryRead:
    """The bytes of a story file → the story. Raises nothing, whatever the bytes.

    `yaml_fast` reads what it surely reads right, `yaml` the rest, or everything without
    `fast`. Neither records nor messages hold anything of `secured`.
    """
    if len(data) > MAX_BYTES:
        return StoryRead(None, too_large(story_id), ())
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = len(_LINE_BREAK.findall(data, 0, error.start)) + 1
        reason = f"not UTF-8 at byte {error.start + 1:,}: save the file as UTF-8"
        return StoryRead(None, Rejection(story_id, line, reason), ())
    text = text.removeprefix(_BOM)
    if "\r" in text:
        # YAML reads each of them as a line feed too.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _read_text(text, story_id, fast, settings)


class _Part(NamedTuple):
    """Where in a file the mapping stands, and the text after it."""

    start: int
    end: int
    body: str


def _read_text(text: str, story_id: str, fast: bool, settings: Settings) -> StoryRead:
    start = 0
    try:
        _check_words(text)
        part = _split(text, story_id)
        start = part.start
        story, warnings, unused = _read_yaml(text, part, story_id, fast, settings)
    except RefusalError as refusal:
        refusal = _placed(refusal, text, start, story_id)
        # The last line break ends the last line; nothing is to be seen after it.
        index = min(refusal.index or 0, len(text) - 1)
        line = text.count("\n", 0, max(index, 0)) + 1
        return StoryRead(None, Rejection(story_id, line, refusal.reason), ())
    if part.body:
        story = msgspec.structs.replace(story, body=part.body)
    if settings.providers:
        story = _with_providers(story, settings.providers)
    return StoryRead(story, None, tuple(warnings), tuple(sorted(unused)))


def _check_words(text: str) -> None:
    # A word that counts as two has two characters, and one between it and the next.
    if 2 * len(text) <= 3 * _MOST_WORDS:
        return
    words = set(_WORD.findall(text))
    if 2 * len(words) <= _MOST_WORDS:
        return
    if len(words) + sum(map(bool, map(_MIXED.search, words))) > _MOST_WORDS:
        reason = f"more than {_MOST_WORDS:,} different words: numbers or codes, no text; shorten it"
        raise RefusalError(reason)


def _read_yaml(
    text: str, part: _Part, story_id: str, fast: bool, settings: Settings
) -> tuple[Story, list[FieldWarning], Iterable[str]]:
    yaml = text[part.start : part.end]
    fields = story_keys(settings.fields, settings.base_url)
    if fast:
        read = yaml_fast.read(yaml, story_id, frozenset(fields) - FIELDS)
        if read is not None and (read.story.published_at or not settings.file_name):
            return read.story, [], read.unused
    mapped = read_mapping(yaml, fields, story_id, 1 + text.count("\n", 0, part.start))
    values = mapped.values
    for name, value in _named_values(story_id, settings.file_name):
        values.setdefault(name, value)
    return _story(story_id, mapped), mapped.warnings, mapped.unused


def _placed(refusal: RefusalError, text: str, start: int, story_id: str) -> RefusalError:
    """The refusal, its index counted in the whole text, and what else there is to say of it."""
    placed = RefusalError(refusal.reason, start + (refusal.index or 0))
    if not refusal.reason.startswith(("not YAML", "no mapping", "put the ")):
        return placed
    if not start and not _is_bare(story_id):
        reason = no_front_matter(text)
        if reason is not None:
            return RefusalError(reason, len(text) - len(text.lstrip()))
    return with_invisible(text, placed)


def _is_bare(story_id: str) -> bool:
    return story_id.lower().endswith((".yml", ".yaml"))


def _split(text: str, story_id: str) -> _Part:
    """Front matter and body, or the bare mapping."""
    # Blank lines and comments may stand before the opening line.
    opening = _OPENING.match(text, first_sign(text) or 0)
    if opening is None or (opening.start() and text[opening.start() - 1] != "\n"):
        return _Part(0, len(text), "")
    # From the line feed before the first line of the mapping, which may be missing.
    closing = _CLOSING.search(text, opening.end() - 1)
    bare = _is_bare(story_id)
    if closing is not None:
        body = text[closing.end() :]
        second = first_sign(body) if bare else _second_document(body)
        if second is not None and not bare:
            # What Markdown fences as code is text: posts show each other's front matter there.
            second = _second_document(_without_code(body))
        if second is not None:
            place = closing.end() + second
            raise RefusalError("more than one YAML document: keep one story a file", place)
        # Comments may stand behind the fields of a bare file; they are no text.
        return _Part(opening.end(), closing.start() + 1, "" if bare else _body(body, closing.end()))
    if bare:
        return _Part(opening.end(), len(text), "")
    raise RefusalError(
        "front matter without its closing line: write `---` alone after the last field",
        opening.start(),
    )


def _second_document(body: str) -> int | None:
    """Where in a body another document begins, None if there is none."""
    begins = [(0, "")]
    for marker in _MARKER.finditer(body):
        begins.append((marker.end(), marker[1]))
        if len(begins) > _MOST_MARKERS:
            return marker.start()
    for begin, rest in begins:
        place = first_sign(body, begin)
        if place is None:
            break
        if _OWN_KEY.match(body, place):
            return place
        keys = _keys_of(body, place)
        plain = all(key[0].islower() for key in keys)
        # One word and a colon may begin a sentence, and questions and answers a talk.
        if (len(keys) > 1 and (plain or KNOWN.intersection(map(str.lower, keys)))) or (
            keys and rest.strip().startswith("#")
        ):
            return place
    return None


def _without_code(body: str) -> str:
    """The body with blanks for what stands between two fences, of the same length."""
    shown, end = [], 0
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(body):
        marks, rest = fence[1], fence[2].strip()
        if opening is None:
            opening = None if marks[0] in rest else fence
        elif marks.startswith(opening[1]) and not rest:
            shown += [body[end : opening.end()], " " * (fence.start() - opening.end())]
            end, opening = fence.start(), None
    return "".join(shown) + body[end:]


def _keys_of(body: str, start: int) -> list[str]:
    """The keys of the lines from here to the next blank one; none if they are no mapping."""
    keys: list[str] = []
    for _ in range(_MOST_LINES):
        end = body.find("\n", start)
        line = body[start : end if end >= 0 else len(body)]
        key = _KEY.match(line)
        if key is not None:
            keys.append(key[1] or key[2])
        elif not line.strip() or line.startswith(("---", "...")):
            break
        elif not _GOES_ON.match(line):
            return []
        start += len(line) + 1
    return keys


def _body(text: str, place: int) -> str:
    line = find_secured(text)
    if line is not None:
        place += sum(len(before) + 1 for before in text.split("\n")[:line])
        raise RefusalError("text that has `secured` as a key: remove that line", place)
    try:
        return parse_text(text)
    except BadValueError as bad:  # it has once the HTML is taken out
        raise RefusalError(bad.reason, place) from None


def _story(story_id: str, mapped: Mapped) -> Story:
    values = mapped.values
    if "title" not in values:
        said = [warning.reason for warning in mapped.warnings if warning.field == "title"]
        place = mapped.places.get("title")
        nothing = "give the story a `title: …` with text"
        if place is not None:
            nothing += ", in quotes if it begins with `#` or `&`"
        raise RefusalError(f"no title: {said[0] if said else nothing}", place)
    if values.pop("draft", False):
        values["published"] = False
    categories = values.pop("category", ())
    if categories:
        values["category"] = categories[0]
        values["topics"] = (*values.get("topics", ()), *categories[1:])
    if "topics" in values:
        values["topics"] = tuple(dict.fromkeys(values["topics"]))
    return Story(story_id, **values)


_STEM = re.compile(r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2})[-_ ]*)?(.*)", re.DOTALL)


def _named_values(story_id: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """What the name of a file says: `2022-05-25-some-title.md`."""
    if not wanted:
        return
    name = story_id.rpartition("/")[2].rpartition(".")[0]
    day, rest = _STEM.fullmatch(name).groups()  # type: ignore[union-attr]
    title = parse_title(re.sub("[-_ ]+", " ", rest))
    if "title" in wanted and title:
        yield "title", title[0].upper() + title[1:]
    if "date" in wanted and day:
        with suppress(BadValueError):
            yield "published_at", parse_instant(day)


def _with_providers(story: Story, providers: tuple[tuple[str, str], ...]) -> Story:
    """The story with the names that settings give to providers, their subdomains joined."""
    names = dict(providers)

    def named(article: Any) -> Any:
        provider: Provider | None = article.provider
        labels = (provider_key(provider) if provider else "").split(".")
        for start in range(len(labels)):
            domain = ".".join(labels[start:])
            if domain in names:
                return msgspec.structs.replace(article, provider=Provider(names[domain], domain))
        return article

    lead: Story = named(story)
    return msgspec.structs.replace(lead, related=tuple(map(named, story.related)))
