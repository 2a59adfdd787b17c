"""The query language as a table: what the documents and the help page show, and tests run."""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """A query that can be typed, and what it finds."""

    query: str
    finds: str


class Section(NamedTuple):
    """Examples of one kind."""

    title: str
    examples: tuple[Example, ...]


def _section(title: str, *examples: tuple[str, str]) -> Section:
    return Section(title, tuple([Example(*example) for example in examples]))


#: The whole query language.
LANGUAGE = (
    _section(
        "Words",
        ("microsoft azure", "both words, each anywhere in the story"),
        ("partners", "also partner, partnering: any form, the one typed first"),
        ("wi-fi", "also WiFi and wi fi; covid19, covid-19 and covid 19 are one, 10,000 and 10000"),
        ("US sanctions", "a word in capitals: stories that write it so, or U.S., come first"),
        ("trump/biden", "two words, like any that signs join"),
        ("AT&T", "one name, as A/C is: a letter alone; and one number, as 24/7 and 9:30"),
        ("4.5", "the decimal number, also written 4,5; 4 finds it, too, and 5 does not"),
        (
            "$44bn deal",
            "an amount as $44 billion and $44B, too; 5m as 5 million, 10pc as 10 per cent",
        ),
        ("+azure cloud", "the first word always, even where few stories have both"),
        ("=expenses", "the word as written, without expense or expensive"),
        ("azure^2 cloud", "both; the first counts double"),
    ),
    _section(
        "Phrases",
        ('"cloud provider"', "these words as written, one after the other"),
        ('"azure provider"~3', "in this order, with at most three words between neighbours"),
        ('"azure * provider"', "with at most one word there, or none"),
        ('"cloud prov*"', "with a pattern in place of a word"),
        (
            "azure NEAR/5 cloud",
            "one at most the fifth word from the other, on either side; also w/5, AROUND(5)",
        ),
        ("azure NEAR/5 (cloud OR deal)", "near one of these"),
    ),
    _section(
        "Patterns and near spellings",
        ("micro*", "words that begin so"),
        ("*soft", "words that end so"),
        ("w?ndows", "any letter in that place"),
        ("azuer~", "words one slip away: a letter left out, put in, replaced, or two swapped"),
        ("azrue~2", "words two slips away"),
    ),
    _section(
        "Operators",
        ("azure AND cloud", "both words; also azure && cloud"),
        ("azure OR aws", "either; also azure || aws and azure | aws"),
        ("azure OR aws cloud", "the first, or both of the others"),
        ("azure -windows", "the first without the second; also !windows and NOT windows"),
        ("(azure OR aws) meta", "one of the two, and the third"),
    ),
    _section(
        "Fields",
        ("title:azure", "a word in the title; also intitle: headline:, excerpt: body: related:"),
        ('title:(azure OR "cloud deal")', "any of these in the title"),
        ("provider:zdnet", "a provider of that name; also site: source: publisher: domain:"),
        ("site:zdnet.com", "that domain and those below it; an address works as well"),
        (
            "provider:*.com",
            "providers that fit, as site:.com; also a pattern for a word of their names",
        ),
        ("topic:cloud", "a topic, or a word of one; also tag:, category: type:"),
        ("lead_provider:zdnet.com", "the provider of the story itself, not of its coverage"),
        ("published:true", "stories that are published"),
        ("body:*", "stories that have one; any field can be asked so, as in -date:*"),
        ("https://example.org/story", "the story with an article at this address; also url:"),
    ),
    _section(
        "Dates and numbers",
        ("date:2022-05", "a month; a year or a day works as well, so does 15 May 2022"),
        ("date:2021..2022", "from the first to the last; either may be left out"),
        ("date:[2022-05-01 TO 2022-05-31]", "the same, as other engines write it"),
        ("date:>=2022", "that date or later; > < <= as well"),
        ("since:2022-05-01", "that date or later; also after:"),
        ("until:2022-05-31", "that date or earlier; before: only earlier"),
        ("since:7d", "the last seven days; h d w m y, yesterday, last week, 3 weeks ago"),
        ("quality:>80", "a number above; also quality:10..20, heat:"),
    ),
)
