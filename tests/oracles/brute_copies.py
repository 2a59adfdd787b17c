"""Which stories have the same lead, by comparing each with each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from indexer.model import Story
from indexer.schema import plain_address


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _address(story: Story) -> str:
    url = story.web_url or story.original_url
    address = plain_address(url) if url else ""
    path, _, parameters = address.partition("/")[2].rpartition("/")
    return address if parameters or any(sign.isdigit() or sign in "-_" for sign in path) else ""


def _text(story: Story) -> tuple[str, str]:
    body = story.body if len(story.body) >= 200 else ""
    return _folded(story.title), _folded(story.excerpt or body)


def groups_of(stories: Sequence[Story], live: Collection[int]) -> list[int]:
    """Of each story the first with the same lead, by way of others maybe; itself if alone."""
    titles: dict[str, set[str]] = {}
    for number in live:
        titles.setdefault(_address(stories[number]), set()).add(_folded(stories[number].title))
    group = list(range(len(stories)))

    def same(one: Story, other: Story) -> bool:
        address = _address(one)
        return (bool(_text(one)[1]) and _text(one) == _text(other)) or (
            bool(address) and address == _address(other) and len(titles[address]) <= 3
        )

    for one in live:
        for other in live:
            if one < other and same(stories[one], stories[other]) and group[one] != group[other]:
                first, last = sorted((group[one], group[other]))
                group = [first if number == last else number for number in group]
    return group
