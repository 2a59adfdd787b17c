"""The text of one field → its value.

Each `parse_` function takes the text of a YAML scalar and whether it was written
plain (without quotes, so that YAML gives it a type), and raises `BadValueError` if the
field cannot be used. Reasons never repeat what the file says: a file that is slightly
broken may have private text anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from ..model import Number, Provider
from ..schema import provider_host, shown_host
from .markup import find_secured, without_markup

#: Longer addresses are not served by browsers and proxies either.
MAX_LINK = 4096
#: Beyond this an integer is not exact as a float, which is how numbers are indexed.
MAX_INTEGER = 1 << 53
#: Numbers longer than this are not worth converting; sexagesimal ones take squared time.
MAX_NUMBER_LENGTH = 64
#: The largest width or height of a picture, in pixels.
MAX_PIXELS = (1 << 31) - 1

_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_BOOL = "tag:yaml.org,2002:bool"

# Controls other than tab and line feed, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# More marks on one letter than any script writes. To put so many in order takes squared time,
# so the rest is cut off where the Stream-Safe Text Format would break the run (UAX 15, D4).
# Short texts are put in order in a millisecond, whatever they hold.
_MOST_MARKS, _SHORT = 30, 100
# What may be a run of them is found faster than one: all marks are beyond U+0300, and none is
# among the letters of Chinese and Korean.
_FAR = re.compile(f"[^\x00-\u02ff\u3100-\ua66e\uac00-\ufb1d]{{{_MOST_MARKS + 1},}}")
_LETTER = re.compile("[0-9A-Za-z]")
# Letters and symbols without a shape: fillers of Hangul, a blank of Braille.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_SIMPLE_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
_INSTANT = re.compile(
    r"([0-9]{4})(?:[-/]([0-9]{1,2})[-/]([0-9]{1,2})|([0-9]{2})([0-9]{2})|[-/]([0-9]{2})(?=\Z))"
    r"(?:(?:[Tt]|[ \t]+)"
    r"([0-9]{1,2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]+))?)?)?"
    r"[ \t]*(?:[Zz]|UTC|GMT|([+-])([0-9]{1,2}?)(?::?([0-5][0-9]))?)?)?"
)
# RFC 2822, 3.3, with the zones whose names it knows.
_MAIL_DATE = re.compile(
    r"(?:[A-Za-z]{3},?[ ]+)?[0-9]{1,2}[ ]+[A-Za-z]{3}[ ]+[0-9]{4}"
    r"[ ]+[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:[ ]+(?:[+-][0-9]{4}|GMT|UTC?|[ECMP][SD]T))?"
)
_LINK = re.compile(
    r"https?://(?:[^\s/?#@\[\]\\]*@)?(?!\.)(?:(?!\.\.)[^\s/?#@:\[\]\\<>\"'`^{|}])+"
    r"(?::([0-9]{1,5}))?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
# Controls, and characters without a width that change how an address looks.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_AROUND_HOST = re.compile(
    r"(?:(?:[a-z][a-z0-9+.-]*:)?//)?([^/?#:]*)(?::([0-9]*))?(?:[/?#].*)?", re.DOTALL
)
_HIGHEST_PORT = 65_535

#: What a field says that is right in its own place and of no use here.
UNUSED: Any = object()

_resolve: Callable[..., str] = Resolver().resolve
_constructor = SafeConstructor()

#: The commas of lists in Chinese, Japanese and Arabic scripts.
_COMMAS = str.maketrans("，、،", ",,,")


class BadValueError(Exception):
    """A field cannot be used. `key` is what to add to the field's name, if anything."""

    def __init__(self, reason: str, key: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key


def cut_at_commas(text: str) -> list[str]:
    """The items of a list written as one text, in whichever script."""
    return text.translate(_COMMAS).split(",")


def parse_line(text: str, _plain: bool = True) -> str:
    """Text of one line: NFC, no HTML, no control characters, single spaces, trimmed.

    A plain `2022` or `Yes` is text as written where text belongs.
    """
    if "  " not in text and text.isascii() and text.isprintable() and _is_bare(text):
        return text.strip()
    return " ".join(_clean(text).split())


def parse_text(text: str, _plain: bool = True) -> str:
    """Text of several lines: as `parse_line`, but tabs and line feeds are kept."""
    return _clean(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def parse_title(text: str, _plain: bool = True) -> str:
    """Text of one line, nothing if nothing of it is to be seen."""
    title = parse_line(text)
    return title if is_visible(title) else ""


def is_visible(text: str) -> bool:
    """Whether there is a sign that can be seen: no blank, no mark, no control of its layout."""
    if _LETTER.search(text):
        return True
    return any(unicodedata.category(c) not in _UNSEEN for c in set(text) - _FILLERS)


def _is_bare(text: str) -> bool:
    return "<" not in text and "&" not in text and "secured" not in text.lower()


def _clean(text: str) -> str:
    if not _is_bare(text):
        text = without_markup(text)
        if find_secured(text) is not None:
            raise BadValueError("text that has `secured` as a key: remove that line")
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROL.sub(" ", text)
    if text.isascii():
        return text
    if len(text) > _SHORT:
        text = _FAR.sub(lambda far: _too_many_marks().sub(_first_marks, far[0]), text)
    return unicodedata.normalize("NFC", text)


@cache
def _too_many_marks() -> re.Pattern[str]:
    marks = "".join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.combining(c))
    return re.compile(f"[{marks}]{{{_MOST_MARKS + 1},}}")


def _first_marks(run: re.Match[str]) -> str:
    return run[0][:_MOST_MARKS]


def parse_number(text: str, plain: bool) -> Number:
    """An integer or finite float, in any notation of YAML 1.1, without quotes."""
    if plain and _SIMPLE_INTEGER.fullmatch(text):
        return int(text)
    number = _yaml_number(text) if plain and len(text) <= MAX_NUMBER_LENGTH else None
    if number is None:
        raise BadValueError("not a number: write digits, without quotes")
    if not abs(number) <= MAX_INTEGER:
        raise BadValueError("not a number that can be used: too large, or not finite")
    return number


def _yaml_number(text: str) -> Number | None:
    tag = _yaml_tag(text)
    try:
        if tag == _INT:
            return int(_constructor.construct_yaml_int(ScalarNode(tag, text)))
        if tag == _FLOAT:
            return float(_constructor.construct_yaml_float(ScalarNode(tag, text)))
    except (ValueError, OverflowError):
        return None
    return None


def _yaml_tag(text: str) -> str:
    """The type that YAML 1.1 gives to a plain scalar."""
    return _resolve(ScalarNode, text, (True, False))


def parse_pixels(text: str, plain: bool) -> int:
    """A width or height: an integer from 1."""
    number = parse_number(text, plain)
    if not isinstance(number, int) or not 1 <= number <= MAX_PIXELS:
        raise BadValueError("not a number of pixels: write an integer from 1")
    return number


def parse_flag(text: str, plain: bool) -> bool:
    """A YAML 1.1 boolean, without quotes."""
    if not plain or _yaml_tag(text) != _BOOL:
        raise BadValueError("neither true nor false: write one of them, without quotes")
    return SafeConstructor.bool_values[text.lower()]


#: What else than a YAML boolean says yes or no where being public is at stake.
_YES, _NO = frozenset({"true", "yes", "on", "y", "1"}), frozenset({"false", "no", "off", "n", "0"})


def parse_published(text: str, _plain: bool = True) -> bool:
    """A boolean in any usual notation, quoted or not: what is meant counts here."""
    word = text.strip().lower()
    if word not in _YES and word not in _NO:
        raise BadValueError("neither true nor false, so the story is not public: write one of them")
    return word in _YES


def parse_instant(text: str, _plain: bool = True) -> datetime:
    """A date or an instant → UTC; without an offset it is UTC.

    As in ISO 8601, also with slashes, in YAML timestamps or in RFC 2822. A month is its first day.
    """
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        return _mail_instant(text.strip())
    year, month, day, month2, day2, month3, hour, minute, second, fraction, *offset = found.groups()
    try:
        instant = datetime(
            int(year),
            int(month or month2 or month3),
            int(day or day2 or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(f"{fraction:0<6.6}") if fraction else 0,
            timezone.utc,
        )
        return instant - _offset(*offset) if offset[0] else instant
    except (ValueError, OverflowError):
        raise BadValueError("not a date of the calendar: check day, month and time") from None


def _mail_instant(text: str) -> datetime:
    if not _MAIL_DATE.fullmatch(text):
        raise BadValueError("not a date: write it like 2022-05-25T17:16:00Z")
    try:
        instant = parsedate_to_datetime(text)
        return (
            instant.astimezone(timezone.utc)
            if instant.tzinfo
            else instant.replace(tzinfo=timezone.utc)
        )
    except (ValueError, OverflowError):
        raise BadValueError("not a date of the calendar: check day, month and time") from None


def _offset(sign: str, hours: str, minutes: str | None) -> timedelta:
    """What to subtract from a local time; raises `ValueError` from a day on."""
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    timezone(offset)
    return -offset if sign == "-" else offset


def parse_link(text: str, _plain: bool = True) -> str:
    """An http or https address with a host."""
    link = text.strip()
    if len(link) > MAX_LINK:
        raise BadValueError(f"an address of more than {MAX_LINK:,} characters")
    found = _LINK.fullmatch(link)
    if not found or not _is_safe(link):
        raise BadValueError("not an http or https address: write it in full, with its host")
    if found[1] and int(found[1]) > _HIGHEST_PORT:
        raise BadValueError(f"an address with a port over {_HIGHEST_PORT:,}: correct it")
    return link


def parse_own_link(text: str, base_url: str) -> str:
    """An address, which may be relative to that of the site."""
    if not _SCHEME.match(text.strip()):
        text = urljoin(base_url, text.strip())
    return parse_link(text)


def parse_path_or_link(text: str, base_url: str | None) -> Any:
    """An address in a field that mostly has paths, as `permalink`: of use with a base only.

    A pattern (`/:year/:title/`) and the name of one ("pretty") never are.
    """
    link = text.strip()
    if _SCHEME.match(link):
        return parse_link(link)
    if base_url is None or ":" in link or not ("/" in link or "." in link):
        return UNUSED
    return parse_own_link(link, base_url)


def _is_safe(link: str) -> bool:
    if link.isascii():
        return link.isprintable()
    if _INVISIBLE.search(link):
        return False
    try:
        # Refuses hosts with characters that normalise to `/`, `?`, `#`, `@` or `:`.
        urlsplit(link)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def parse_domain(text: str, _plain: bool = True) -> str:
    """The name of a host as `provider_host` has it, without scheme, port, path, final dot."""
    # The length is checked first, for what is cached must be small.
    found = _AROUND_HOST.fullmatch(parse_line(text).lower()) if len(text) <= MAX_LINK else None
    host = provider_host(found[1].rstrip(".")) if found else None
    if host is None or found is None or int(found[2] or 0) > _HIGHEST_PORT:
        raise BadValueError("not a domain: write it like news.example")
    return host


def make_provider(name: str | None, domain: str | None) -> Provider | None:
    """A provider by what is known of it; an address in place of a name is its domain."""
    if name is not None and domain is None and name.startswith(("http://", "https://")):
        with suppress(BadValueError):
            name, domain = None, parse_domain(name)
    if name is None and domain is not None:
        name = shown_host(domain)
    return None if name is None else Provider(name, domain)
