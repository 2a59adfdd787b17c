"""Which articles are the same: within a story, and the leads of several stories.

Two articles are the same if they have the same address, or the same title and text. An address
tells nothing where it is that of a whole site. It may also be that of a page whose parameters are
lost, so an article is no copy if it has words that the other has not: each can be found.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from msgspec.structs import replace

from .analysis import fold, iter_words
from .model import Article, Story
from .schema import plain_address

#: The columns by which leads are compared.
MARKS = ("same_address", "same_text")

#: Set in a mark of a text that is more than a title.
TELLING = 1

# What the path of an article mostly has, and that of a page for many articles has not.
_OWN = re.compile("[0-9_-]")
# A body of fewer characters is no text that only one story can have.
_LONG = 200
# With so many others at its address an article is compared.
_COMPARED = 8


def compared_address(article: Story | Article) -> str:
    """The address by which an article is compared; empty if it has none of its own."""
    url = article.web_url or article.original_url or article.amp_web_url or article.cdn_amp_web_url
    address = plain_address(url) if url else ""
    return "" if address.endswith("//") else address


def compared_text(article: Story | Article) -> tuple[str, str]:
    """The title and the text by which an article is compared: case and spacing do not count."""
    text = article.excerpt
    if not text and isinstance(article, Story) and len(article.body) >= _LONG:
        text = article.body
    return _plain(article.title), _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def without_copies(story: Story) -> Story:
    """The story with each related article once, and its copies under it, or under the lead."""
    if not story.related or not _may_have_copies(story):
        return story
    kept: list[tuple[Story | Article, list[Article]]] = [(story, [])]
    address, text = compared_address(story), compared_text(story)
    addresses = {address: [0]} if address else {}
    texts = {text: 0} if text[1] else {}
    for article in story.related:
        address, text = compared_address(article), compared_text(article)
        place = texts.get(text)
        there = addresses.setdefault(address, []) if address else []
        if place is None:
            place = next((at for at in there if _says_nothing_new(article, kept[at][0])), None)
        if place is None:
            place = len(kept)
            kept.append((article, []))
        else:
            kept[place][1].append(article)
        texts.setdefault(text, place)
        if len(there) < _COMPARED and place not in there:
            there.append(place)
    if len(kept) > len(story.related):
        return story
    related = [replace(one, copies=tuple(copies)) if copies else one for one, copies in kept[1:]]
    return replace(story, related=tuple(related), copies=tuple(kept[0][1]))


def _may_have_copies(story: Story) -> bool:
    """Whether a title or an address is there twice; of most stories none is."""
    titles = {article.title.casefold() for article in story.related}
    titles.add(story.title.casefold())
    addresses = list(filter(None, [compared_address(story), *map(compared_address, story.related)]))
    return len(titles) <= len(story.related) or len({*addresses}) < len(addresses)


def _says_nothing_new(article: Article, other: Story | Article) -> bool:
    """Whether all words of an article are in another one, too."""
    own, others = (
        {fold(word.text) for word in iter_words(f"{one.title} {one.excerpt}")}
        for one in (article, other)
    )
    return own <= others


def marks_of(lead: Story) -> tuple[int, int]:
    """What two leads that are the same have in common: of their address, or of their text.

    0 for no address, or one without a digit, a hyphen or a parameter. Of a text the upper half is
    that of its title; two whose marks are the same are the same if `TELLING` is set in them.
    """
    address = compared_address(lead)
    own = _OWN.search(address.partition("/")[2]) or not address.endswith("/")
    title, text = compared_text(lead)
    return (
        _digest(address, 8) if address and own else 0,
        _digest(title, 4) << 32 | _digest(text, 4) & ~TELLING | (TELLING if text else 0),
    )


def _digest(text: str, size: int) -> int:
    data = text.encode("utf8", "replace")
    return int.from_bytes(blake2b(data, digest_size=size).digest(), "big")
