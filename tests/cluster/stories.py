"""Stories that try what words, values and places can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import indexer
from tests.conftest import write_story

ALPHA = {"name": "Alpha Times", "domain": "www.alpha.example"}
BETA = {"name": "Beta & Söhne", "domain": "beta.example"}
ODD = {"name": "A Paper Without Address"}

STORIES: list[dict[str, Any]] = [
    {
        "title": "Microsoft Azure wins the cloud deal",
        "excerpt": "Azure, not AWS, will be the strategic cloud provider for Meta.",
        "body": "The cloud provider said that Windows partners are partnering. " * 3,
        "provider": ALPHA, "topics": ["Cloud", "AI"], "category": "News", "type": "article",
        "publishedDateTime": "2022-05-25T17:16:00Z", "quality": 90, "heat": 0,
        "webUrl": "https://www.example.org/story?utm_source=x",
        "related": [
            {"title": "Meta picks Azure", "excerpt": "A deal in the cloud", "provider": BETA},
            {"title": "Cloud providers compete", "provider": ODD},
            {"title": "What AWS said: no deal <b>yet</b> & more", "provider": ALPHA},
        ],
    },
    {
        "title": "COVID-19 wards: Wi-Fi for patients", "excerpt": "covid19 and WiFi, 10,000 beds",
        "provider": BETA, "topics": ["Health"], "publishedDateTime": "2021-12-31T23:00:00-03:00",
        "quality": 5.5, "published": False,
        "related": [{"title": "Wi fi in wards", "excerpt": "covid 19", "provider": BETA}],
    },
    {
        "title": "US sanctions and us", "excerpt": "The U.S. and WHO said who", "provider": ODD,
        "topics": ["Law", "law"], "publishedDateTime": "2022-05-31", "heat": 3,
    },
    {"title": "Zürich's l'Oréal deal", "excerpt": "O'Brien in Zurich", "topics": ["Cloud"]},
    {"title": "トヨタは新しい工場を建てる", "excerpt": "東京大学 の 研究", "quality": 12},
    {"title": "C++ and .NET, C# and 🚀 rockets", "excerpt": "Fish | chips _ and ﷺ"},
    {"title": "the who what and of", "excerpt": "the the the"},
    {"title": "Expenses, expensive and the expense of it", "related": [
        {"title": "expense " * 8}, {"title": "expenses"}, {"title": "An expensive evening"},
    ]},
    {"title": "Windows update", "excerpt": "cloud computing computed computers", "type": "video"},
    {"title": "Computers for the US", "excerpt": "computing is computed, computing and us",
     "body": "What the computer computes. " * 4, "provider": ALPHA,
     "related": [{"title": "Computed", "excerpt": "a computer", "provider": ODD}]},
    {"title": "Trump/Biden debate", "excerpt": "meta meta", "body": "azure far off the cloud"},
]  # fmt: skip

QUERIES = [
    "", "*", "???", "azure", "cloud azure", "the cloud of deal", "who", "the who", "WHO said",
    "US sanctions", "us", "U.S.", "covid19", "covid-19", "covid 19", "wifi", "wi-fi beds", "10000",
    "zurich", "oreal", "obrien", "東京", "トヨタ", "工場を建てる", "C++", ".net", "c#", "🚀", "ﷺ",
    "expenses", "=expenses", '"expense of"', "expens*", "exp?nse", "*pense", "expence~", "azrue~2",
    '"cloud provider"', '"cloud prov*"', '"azure deal"~2', '"azure deal"', '"the cloud"',
    "azure NEAR/3 cloud", "cloud NEAR/1 azure", '"cloud deal" NEAR/5 azure', "azure w/2 wins",
    "azure -windows", "-azure", "NOT (azure OR covid)", "(azure OR aws) meta",
    "azure OR covid -wards", "(azure aws) OR meta", "(cloud zebra) OR (azure covid) OR wards",
    "meta OR (cloud -azure)", "(deal (covid OR (cloud zurich))) OR windows", "title:expense",
    "(a b) OR (azure x) OR (cloud y) OR (deal z) OR (wards wi)", "related:expensive",
    "title:expensive evening", 'title:"the expense"', "excerpt:us", "title:US", "related:expenses",
    "title:computing", "title:computers", "excerpt:computed", "body:computing", "related:computer",
    'excerpt:"computed computing"',
    "+azure cloud", "azure^3 cloud", "title:azure", "excerpt:azure cloud", "body:windows",
    "related:azure", "related:deal -title:deal", 'title:"cloud deal"', "title:(azure OR covid)",
    "title:az*", "related:clod~", "provider:alpha", "site:alpha.example", "provider:*.example",
    'provider:"a paper"', "topic:cloud", "topic:LAW azure", "-topic:cloud", "category:news",
    "type:video", "published:false", "published:true cloud", "lead_provider:beta.example",
    "body:*", "-date:*", "related:*", "topic:*", "quality:*", "url:*", "excerpt:* -body:*",
    "example.org/story", "https://example.org/story azure", "date:2022-05", "date:2021..2022",
    "since:2022-05-26", "before:2022", "date:>2022-05-25", "until:2022-01-01 wi-fi",
    "quality:>80", "quality:5..12", "quality:<=5.5", "heat:0", "heat:>0", "azure quality:90",
    "azure covid zurich", "microsoft zebra cloud deal provider", "trump/biden", "rockets zebra",
    "Azure clowd provider", "windws", "cloudprovider", "micro soft azure", "fish | chips",
]  # fmt: skip


def write_stories(folder: Path) -> Path:
    """These stories and invented ones as files; returns their folder."""
    for number, story in enumerate(STORIES):
        write_story(folder / "seeds", f"{number:04}.md", **story)
    indexer.write_demo(folder / "seeds" / "demo", 60)
    return folder / "seeds"


#: Of those with the same lead, some by their address and some by their text.
SAME: list[dict[str, Any]] = [
    {"title": "Owls return", "excerpt": "To the old mill", "topics": ["Birds"], "provider": ALPHA,
     "publishedDateTime": "2022-05-01", "related": [{"title": "Herons, too", "provider": BETA}]},
    {"title": "Owls  Return", "excerpt": "to the old mill", "topics": ["Birds", "Mills"],
     "provider": ALPHA, "publishedDateTime": "2022-05-03", "quality": 3},
    {"title": "Owls return", "excerpt": "To the old mill", "topics": ["Birds"], "provider": ALPHA,
     "publishedDateTime": "2022-05-03", "related": [{"title": "Herons, too", "provider": BETA}]},
    {"title": "A mill is sold", "webUrl": "https://x.example/a-mill-is-sold", "topics": ["Mills"],
     "publishedDateTime": "2021-02-01", "quality": 7},
    {"title": "Old mill sold to owls", "webUrl": "https://x.example/a-mill-is-sold?utm_source=y",
     "topics": ["Mills", "Owls"], "provider": BETA, "publishedDateTime": "2022-02-01"},
    {"title": "Herons at the mill", "excerpt": "They stay", "topics": ["Birds"]},
    {"title": "Herons at the mill", "excerpt": "They stay", "topics": ["Birds"], "provider": BETA},
    {"title": "Herons at the mill", "excerpt": "They go", "topics": ["Birds"], "provider": ALPHA},
    {"title": "Return of an old heron", "excerpt": "Of no mill", "body": "owls " * 3},
]  # fmt: skip
