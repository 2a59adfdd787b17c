"""Answers as text for people.

On a terminal, matches are bold and lines wrap to its width. Elsewhere a field keeps
to one line, so that other tools can take the output apart.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias

from rich.console import Console
from rich.text import Text

from ..generation.verify import DamagedFile, VerifyReport
from ..model import (
    Article,
    BuildReport,
    Explanation,
    FacetRows,
    Hit,
    IndexInfo,
    Provider,
    RelatedHit,
    ResultPage,
    Story,
)
from .output import neutral, write_note, write_out

#: Longer lines are hard to read, however wide the terminal.
MAX_WIDTH = 100
#: Providers listed under the results; --json has twenty.
MAX_PROVIDERS = 15
#: Domains longer than this push the names after them to the right.
MAX_DOMAIN = 32
#: Related articles named under a result; --json has them all.
MAX_RELATED = 5
#: Other stories with the same lead, and copies of an article, that are named.
MAX_ALSO, MAX_COPIES = 5, 5

_INDENT = 4
_MARK = re.compile(r"(</?mark>)")
#: A text and its margin → lines of the width there is; see `_wrapped`.
Wrap: TypeAlias = Callable[[Text, Text], Iterator[Text]]
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def _many(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _size(count: int) -> str:
    """A number of bytes with a unit of powers of 1000."""
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {_UNITS[unit]}"


def report_line(report: BuildReport) -> str:
    """What a rebuild did, in one line."""
    parts = [
        _many(report.indexed, "story", "stories") + " indexed",
        f"{report.unchanged:,} unchanged",
        f"{report.removed:,} removed",
    ]
    if report.rejected:
        parts.append(_many(len(report.rejected), "file") + " rejected")
    if report.warnings:
        parts.append(_many(len(report.warnings), "field") + " dropped")
    if report.dry_run:
        return f"Would be done: {', '.join(parts)}. Nothing was written."
    return f"{', '.join(parts)} in {report.seconds:.1f} s: generation {report.generation}"


def damage_line(damaged: DamagedFile) -> str:
    """What is wrong with one file of the index."""
    return neutral(f"{damaged.file}: {damaged.reason}")


def intact_line(report: VerifyReport) -> str:
    """The line that says that nothing is damaged, and how much was read."""
    return f"{_many(report.files, 'file')}, {_size(report.bytes)} read: none is damaged"


def info_lines(info: IndexInfo) -> str:
    """A description of the index, one property a line."""
    rows = {
        "location": info.location,
        "stories": f"{info.stories:,}",
        "articles": f"{info.articles:,}",
        "terms": f"{info.terms:,}",
        "size": f"{_size(info.bytes)} ({_many(info.bytes, 'byte')})",
        "generation": f"{info.generation}",
        "segments": f"{info.segments}",
        "language": info.language,
        "built": f"{info.built_at:%Y-%m-%d %H:%M:%S} UTC",
        "from": info.seeds + (" (published stories only)" if info.published_only else ""),
    }
    if info.damaged is not None:
        rows["damaged"] = f"generation {info.damaged}, the newest: rebuild to replace it"
    return "".join(f"{name:<12}{neutral(value)}\n" for name, value in rows.items())


def show_page(page: ResultPage, why: Mapping[str, Explanation]) -> None:
    """Print a result page; how the query was changed, if it was, goes to standard error.

    why: of stories, what their scores are made of
    """
    for notice in page.notices:
        write_note(f"{notice.text}: {notice.reason}")
    if page.corrected:
        write_note(f"Nothing was found for {page.query}; these are for: {page.corrected}")
    if page.relaxed:
        write_note(_relaxed_line(page.complete))
    if page.suggestion and not page.corrected:
        write_note(f"Did you mean: {page.suggestion}")
    # A width without end, where lines must not wrap.
    console = Console(file=sys.stdout, highlight=False)
    if not console.width:  # COLUMNS=0: nothing at all would be printed
        console.width = MAX_WIDTH
    width = min(console.width, MAX_WIDTH) if console.is_terminal else sys.maxsize
    with console.capture() as shown:
        for line in _page_lines(page, partial(_wrapped, width=width, console=console), why):
            console.print(line, soft_wrap=True)
    write_out(shown.get())


def _relaxed_line(complete: int) -> str:
    if not complete:
        return "No story has all the words; these have some of them."
    have = _many(complete, "story has", "stories have")
    return f"{have} all the words; the others have some of them."


def _page_lines(page: ResultPage, wrapped: Wrap, why: Mapping[str, Explanation]) -> Iterator[Text]:
    yield Text(_headline(page))
    for number, hit in enumerate(page.hits, page.request.offset + 1):
        yield Text()
        yield from _hit_lines(number, hit, wrapped)
        if hit.story.id in why:
            score = Text(neutral(f"score {why[hit.story.id]}"))
            yield from wrapped(score, Text(" " * _INDENT))
    providers = page.facets.get("provider")
    if providers:
        yield Text()
        yield from _provider_lines(providers)


def _headline(page: ResultPage) -> str:
    found = _many(page.total, "story", "stories")
    first = page.request.offset + 1
    if first > page.total > 0:
        return f"{found}, none after {page.request.offset:,} ({page.took_ms:.0f} ms)"
    if not page.hits or len(page.hits) == page.total:
        return f"{found} ({page.took_ms:.0f} ms)"
    return f"{found}, here {first:,} to {first + len(page.hits) - 1:,} ({page.took_ms:.0f} ms)"


def _hit_lines(number: int, hit: Hit, wrapped: Wrap) -> Iterator[Text]:
    story, indent = hit.story, _INDENT
    title = _marked(hit.highlights.get("title"), story.title)
    title.stylize("underline")
    margin = Text(f"{number:>{indent - 2}}. ")
    yield from wrapped(title, margin)
    blank = Text(" " * len(margin))
    byline = _byline(story.provider, story.published_at)
    if byline:
        yield blank + Text(byline, style="green")
    if story.url:
        yield blank + Text(neutral(story.url), style="blue")
    excerpt = _marked(hit.highlights.get("excerpt"), story.excerpt)
    if excerpt:
        yield from wrapped(excerpt, blank)
    if story.copies:
        yield blank + Text(_copies_line(story.copies), style="dim")
    if hit.also_in:
        yield from _also_lines(hit.also_in, blank, wrapped)
    if hit.related:
        yield from _related_lines(hit.related, blank, wrapped)


def _also_lines(stories: Sequence[Story], blank: Text, wrapped: Wrap) -> Iterator[Text]:
    yield blank + Text(f"also in {_many(len(stories), 'more story', 'more stories')}:", style="dim")
    for story in stories[:MAX_ALSO]:
        yield from wrapped(Text(neutral(story.id)), blank + Text("- "))
    if len(stories) > MAX_ALSO:
        yield blank + Text(f"- and {len(stories) - MAX_ALSO:,} more", style="dim")


def _copies_line(copies: Sequence[Article]) -> str:
    """The same article once more: how often, and where."""
    names = [copy.provider.name if copy.provider else copy.url or "?" for copy in copies]
    shown = ", ".join(map(neutral, names[:MAX_COPIES]))
    more = f" and {len(names) - MAX_COPIES:,} more" if len(names) > MAX_COPIES else ""
    return f"{_many(len(names), 'copy', 'copies')}: {shown}{more}"


def _related_lines(related: tuple[RelatedHit, ...], blank: Text, wrapped: Wrap) -> Iterator[Text]:
    yield blank + Text(f"matched in {_many(len(related), 'related article')}:", style="dim")
    for article in related[:MAX_RELATED]:
        line = _marked(article.highlights.get("title"), article.title)
        if article.provider:
            line.append(f" — {neutral(article.provider.name)}")
        yield from wrapped(line, blank + Text("- "))
        if article.copies:
            yield blank + Text(f"  {_copies_line(article.copies)}", style="dim")
    if len(related) > MAX_RELATED:
        yield blank + Text(f"- and {len(related) - MAX_RELATED:,} more", style="dim")


def _provider_lines(counts: FacetRows) -> Iterator[Text]:
    yield Text("Providers", style="bold")
    wide = len(f"{counts[0].count:,}")  # the largest comes first
    long = min(max(len(count.value) for count in counts[:MAX_PROVIDERS]), MAX_DOMAIN)
    for count in counts[:MAX_PROVIDERS]:
        # A provider without a domain is known by its name alone.
        name = "" if count.label.casefold() == count.value else neutral(count.label)
        line = f"  {count.count:>{wide},}  {neutral(count.value):<{long}}  {name}"
        yield Text(line.rstrip(), style="bold" if count.selected else "")
    more = len(counts[MAX_PROVIDERS:]) + counts.beyond
    if more:
        yield Text(f"  and {more:,} more", style="dim")


def _byline(provider: Provider | None, published_at: datetime | None) -> str:
    parts = [neutral(provider.name)] if provider else []
    if published_at:
        parts.append(f"{published_at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)


def _marked(highlight: str | None, plain: str) -> Text:
    """Escaped HTML with `<mark>`, or else plain text → text with the matches in bold."""
    if not highlight:
        return Text(neutral(plain))
    text, style = Text(), ""
    for part in _MARK.split(highlight):
        if part in ("<mark>", "</mark>"):
            style = "bold" if part == "<mark>" else ""
        else:
            text.append(neutral(html.unescape(part)), style=style)
    return text


def _wrapped(text: Text, margin: Text, width: int, console: Console) -> Iterator[Text]:
    """Lines of at most `width` cells; the first starts with the margin, the rest below it."""
    if width == sys.maxsize:
        yield margin + text
        return
    for line in text.wrap(console, max(width - len(margin), 20)):
        line.rstrip()
        yield margin + line
        margin = Text(" " * len(margin))
