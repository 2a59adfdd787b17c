"""Stories in every notation of YAML, sound and marred, for Hypothesis."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

import yaml
from hypothesis import strategies as st

from tests.seeds.bad_seeds import CANARY
from tests.seeds.reading import UTC

# Hypothesis knows texts of the code, such as entities. What markup becomes is tested elsewhere.
_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\ufffe\uffff"), max_size=30
).filter(lambda text: not re.search(r"&#?\w+;|<[!/\w]", text))
_odd = st.one_of(
    _texts, st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.integers())
)
_dates = st.one_of(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.datetimes(
        min_value=datetime(1900, 1, 3),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    ),
    st.dates(min_value=date(1, 1, 3)),
    _texts,
)
_links = st.sampled_from(
    ["https://a.example/x?y=z#1", "http://b.example", "ftp://a.example", "", "x"]
)
_names = st.one_of(
    _texts, st.sampled_from(["yes", "2022", "~", "- x", "a: b", "#c", "'", '"', "---"])
)
_article = st.fixed_dictionaries(
    {},
    optional={
        "title": _names,
        "excerpt": _texts,
        "publishedDateTime": _dates,
        "webUrl": _links,
        "quality": _odd,
        "secured": st.just(CANARY),
        "unknown": _odd,
    },
)
STORIES = st.builds(
    lambda title, article, rest: {**article, **rest, "title": f"T {title}"},
    _names,
    _article,
    st.fixed_dictionaries(
        {},
        optional={
            "topics": st.lists(_names, max_size=3),
            "related": st.lists(_article, max_size=3),
        },
    ),
)
STYLES = st.fixed_dictionaries(
    {
        "default_style": st.sampled_from([None, "'", '"', "|", ">"]),
        "default_flow_style": st.sampled_from([True, False, None]),
        "allow_unicode": st.booleans(),
        "indent": st.integers(2, 8),
        "width": st.sampled_from([20, 80, 4000]),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        """Write every value out."""
        return True


# Pieces of YAML that mean something, to be set into lines of the plain form.
_YAML_SIGNS = [
    '"', "'", "\\", "\n", " ", "  ", "- ", "-", ": ", ":", " #", "#", "~", "[]", "{}", "&a ", "*a",
    "!x ", "|\n", ">\n", "---\n", "...\n", "\t", "\r", "\x85", "\u2028", "\ufeff", "\xa0", "\x00",
    "title: x\n", "  title: y\n", "secured: x\n", "? ", "%", "@", ",", '\\"', "<<: x\n", "- a\n",
    "related:\n", "provider:\n", "null", "0x1F", "é", "🙂",
]  # fmt: skip
PLAIN_STORY = f"""\
title: "A \\"quoted\\" title: with # signs"
excerpt: 'It''s plain'
publishedDateTime: 2022-05-25T17:16:00Z
webUrl: https://news.example/a?b=c#d
quality: -5

provider:
  name: The News
  domain: news.example
topics:
- AI
- "Cloud"
secured: "{CANARY}"
unknown: x
related:
  - title: One
    images:
      - url: "https://i.example/a.jpg"
        width: 10
        isCached: true
  - title: Two
    secured: "{CANARY}"
    provider:
      name: Other
"""


@st.composite
def marred_texts(draw):
    """The plain story with signs set in, pieces cut out and lines moved."""
    text = PLAIN_STORY
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        change = draw(st.sampled_from(["set in", "cut", "indent", "repeat"]))
        if change == "set in":
            text = text[:at] + draw(st.sampled_from(_YAML_SIGNS)) + text[at:]
        elif change == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 3)) :]
        else:
            lines = text.split("\n")
            number = draw(st.integers(0, len(lines) - 1))
            if change == "indent":
                lines[number] = " " * draw(st.integers(0, 5)) + lines[number].lstrip()
            else:
                lines.insert(draw(st.integers(0, len(lines))), lines[number])
            text = "\n".join(lines)
    return text


_BLANKS = " \u00a0\u1680\u2000\u2009\u200a\u202f\u205f\u3000"
_LETTERS = "aZ09é’ş漢🙂e\u0301\u200b\u200d\u00ad\ufe0f\ud7ff\ue000"
_field_texts = {
    "title": st.text(_LETTERS + _BLANKS + "\"'\\:#-,n\u0085\u2028\ufeff\ufffe\x7f\t", max_size=12),
    "body": st.text(_LETTERS + _BLANKS + "\"'\\:#-", max_size=12),
    "quality": st.one_of(
        st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{0,17})?(e[+-]?[0-9])?", fullmatch=True),
        st.integers(-(10**17), 10**17).map(str),
        st.floats(-1e9, 1e9).map(repr),
        st.sampled_from(["1_0", "0x1F", "010", "1:30", ".5", "+5", "-0", "0.0", "-0.0", ".inf"]),
    ),
    "published": st.sampled_from(
        ["true", "false", "True", "FALSE", "yes", "no", "on", "truely", "tru", "null", "1"]
    ),
    "publishedDateTime": st.one_of(
        st.from_regex(
            r"(2[0-9]{3}|0000|0001|9999)-(0[0-9]|1[0-3])-([0-3][0-9])"
            r"([Tt ]([0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{0,9})?)?)?"
            r"([Zz]|[ +-]([0-2][0-9])(:?[0-6][0-9])?)?)?",
            fullmatch=True,
        ),
        st.datetimes().map(datetime.isoformat),
        st.dates().map(date.isoformat),
        st.sampled_from([1600, 1700, 1900, 1904, 2000, 2022, 2024]).map("{}-02-29".format),
        st.integers(0, 10**9).map("2022-05-25T17:16:00.{}Z".format),
    ),
    "webUrl": st.from_regex(
        r"(https?|HTTP|ftp|htt|http:|)://[a-zA-Z0-9._@:é-]{0,8}([/?#][!-~é ]{0,8})?", fullmatch=True
    ),
    "provider": st.text(_LETTERS + _BLANKS, max_size=8),
    "topics": st.text(_LETTERS + _BLANKS, max_size=8),
    "unknown": st.text(_LETTERS + "\"'\\:# ", max_size=8),
}
_domains = st.one_of(
    st.from_regex(r"(www\.)?[a-zA-Z0-9é_-]{1,5}(\.[a-z0-9-]{0,4}){0,3}/?", fullmatch=True),
    st.integers(61, 65).map(lambda size: "a" * size + ".example"),
    st.integers(40, 70).map(lambda labels: "abc." * labels + "example"),
)


def _quoted(text, quote):
    """A text in a notation of YAML; that it may become another text is as well."""
    if quote == '"':
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return quote + text.replace("'", "''" if quote == "'" else "'") + quote


@st.composite
def field_notations(draw):
    """A story with one field in some notation, alone or in a record of a record."""
    quote = draw(st.sampled_from(["", "'", '"']))
    lines = [f"{key}: {_quoted(draw(text), quote)}" for key, text in _field_texts.items()]
    domain = _quoted(draw(_domains), quote)
    pixels = draw(_field_texts["quality"])
    chosen = draw(
        st.sampled_from(
            [
                *lines,
                f"provider:\n  name: N\n  domain: {domain}",
                f"images:\n- url: https://i.example/\n  width: {pixels}",
                f"topics:\n- {_quoted(draw(_field_texts['topics']), quote)}\n- a\n- a",
            ]
        )
    )
    if draw(st.booleans()):
        chosen = "related:\n- title: A\n  " + chosen.replace("\n", "\n  ")
    return f"title: T\n{chosen}\n"
