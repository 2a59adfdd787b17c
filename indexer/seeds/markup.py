"""Texts with HTML in them → plain texts, and texts that give away what is private.

The elements that HTML knows are taken out, and only these: `a < b`, `Vec<String>` and
`<https://news.example>` are text. Time is linear in the text, whatever it holds; the parsers
that build a tree take seconds and hundreds of megabytes for a few megabytes of open tags.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from html.entities import html5

# Elements of HTML: those that end a line, and those within one.
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        """
        address article aside blockquote body br button canvas caption center col colgroup dd
        details dialog dir div dl dt embed fieldset figcaption figure footer form frame frameset
        h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe legend li link main menu meta nav
        noscript object ol optgroup option p param picture pre search section select source
        summary table tbody td template textarea tfoot th thead title tr track ul video audio
        """,
    )
)
_INLINES = frozenset(
    re.findall(
        r"\w+",
        """
        a abbr acronym area b base bdi bdo big cite code data datalist del dfn em font i img
        input ins kbd label map mark meter nobr output progress q rp rt ruby s samp small span
        strike strong sub sup svg time tt u var wbr
        """,
    )
)
_ATTRIBUTES = r"""(?=[\s/>])[^<>"']*(?:(?:"[^"<]*"|'[^'<]*')[^<>"']*)*>"""
_TAG = re.compile(rf"</?([A-Za-z][A-Za-z0-9]{{0,15}}){_ATTRIBUTES}")
_COMMENT = re.compile("<!--"), re.compile("-->")
_CODE = (
    re.compile(rf"<(?:script|style){_ATTRIBUTES}", re.IGNORECASE),
    re.compile(r"</(?:script|style)\s*>", re.IGNORECASE),
)
# Without the semicolon `&copy=` would be a sign, too, which in an address it is not.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|([A-Za-z][A-Za-z0-9]{1,31}));")

# `secured` as a key: at the begin of a line, whatever YAML takes for one or lets stand before
# it. Looked for backwards, in the text turned round, since from every line on would take long.
_TURNED = re.compile(
    r"""
    [:=]\s* ["']? (?: deruces | DERUCES ) ["']? (?: \s+\S*[&!] ){0,2}
        [^\w\n\r\v\f\x85\u2028\u2029"'&!]* (?: \Z | [\n\r\v\f\x85\u2028\u2029] )
    """,
    re.VERBOSE,
)
_SECURED = (
    # In brackets,
    re.compile(r"""[{,\[]\s*["']?(?:secured|SECURED)["']?\s*:"""),
    # in quotes, in any case,
    re.compile(r"""(["'])(?i:secured)\1\s*[:=]"""),
    # or before one word, to the end of the line, that is none of a language.
    re.compile(
        r"""
        [sSſ](?<!\w.)(?i:ecured) [ \t]*[:=][ \t]* ["']?
            (?= [a-z]*[^\s\w.,;!?'"]\w | [A-Za-z]{0,64}[0-9] | [A-Za-z]{1,64}[A-Z] )
            (?: [^\s"']{64} | [^\s"']{1,63} [ \t"'}\],]* (?=[\n<]|\Z) )
        """,
        re.VERBOSE,
    ),
)
_ESCAPE = re.compile(r"\\(?:x|u00|U000000)([2-7][0-9a-fA-F])")


def without_markup(text: str) -> str:
    """Plain text: no tags, comments, scripts and styles; entities are what they stand for."""
    if "<" in text:
        text = _without(text, *_COMMENT) if "<!--" in text else text
        text = _TAG.sub(_instead, _without(text, *_CODE))
    return _ENTITY.sub(_decoded, text) if "&" in text else text


def _without(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Cut out what stands between; what is never closed is text."""
    kept, begin = [], 0
    for found in opening.finditer(text):
        if found.start() < begin:
            continue
        end = closing.search(text, found.end())
        if end is None:
            break
        kept.append(text[begin : found.start()])
        begin = end.end()
    return "".join([*kept, text[begin:]])


def _instead(tag: re.Match[str]) -> str:
    name = tag[1].lower()
    return "\n" if name in _BLOCKS else "" if name in _INLINES else tag[0]


def _decoded(entity: re.Match[str]) -> str:
    name = entity[1]
    return _sign(entity[0]) if name is None else html5.get(name + ";", entity[0])


@lru_cache(maxsize=4096)
def _sign(entity: str) -> str:
    """What a number stands for; where HTML has no rule of its own for it, the character."""
    digits = entity[2:-1]
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    return chr(code) if 0xA0 <= code < 0xD800 else html.unescape(entity)


def find_secured(text: str) -> int | None:
    """The line, counted from 0, on which `secured` stands as a key; None if there is none."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    if "secured" not in text.lower():
        return None
    ends = [found.end() for key in _SECURED if (found := key.search(text))]
    ends += [len(text) - found.start() for found in _TURNED.finditer(text[::-1])]
    return text.count("\n", 0, min(ends)) if ends else None
