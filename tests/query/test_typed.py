"""What people type, and what was found wrong once: from stories to answers."""

from __future__ import annotations

import pytest

import indexer
from indexer.query.parser import parse
from tests.conftest import build

STORIES = {
    "rocket": {"title": "🚀 launch"}, "plain": {"title": "Launch of a rocket"},
    "net": {"title": ".NET framework language"}, "tag": {"title": "#MeToo language"},
    "dollar": {"title": "$100 language"}, "near": {"title": "alpha beta"},
    "far": {"title": "alpha x y z beta"}, "covid": {"title": "COVID-19 tests"},
    "joined": {"title": "COVID19 wards"}, "apart": {"title": "Covid 19 again"},
    "oreal": {"title": "L’Oréal sales"}, "ivoire": {"title": "Côte d'Ivoire"},
    "cpp": {"title": "C++ today"}, "csharp": {"title": "C# today"}, "c": {"title": "C today"},
    "thai": {"title": "ข่าวกรุงเทพวันนี้"}, "korea": {"title": "서울에서 열린 회의"},
    "china": {"title": "北京大学发布新闻"}, "soft": {"title": "Bundes\u00adgericht urteilt"},
    "aid": {"title": "State aid approved"}, "aids": {"title": "AIDS charity opens"},
    "who": {"title": "Who said so, who knows"}, "WHO": {"title": "New WHO report"},
    "wire": {
        "title": "Volcano", "webUrl": "https://www.wire.example/v/Gro%C3%9F?utm_source=x&id=3",
        "ampWebUrl": "https://amp.wire.example/other",
        "related": [{"title": "Ash", "webUrl": "https://ash.example/a/"}],
        "provider": {"name": "The Wire", "domain": "sport.wire.example"},
        "publishedDateTime": "2021-06-01", "published": False,
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def engine(request, tmp_path_factory):
    index = build(tmp_path_factory.mktemp("typed"), {f"{k}.md": v for k, v in STORIES.items()})
    with indexer.open_index(index, compiled=request.param) as engine:
        engine.warm_up()
        yield engine


@pytest.mark.parametrize(
    ("query", "stories"),
    [
        # What must not be there, whatever it begins with.
        ("launch -🚀", "plain"),
        ("language -.NET", "dollar tag"),
        ("language -#metoo", "dollar net"),
        ("language -$100", "net tag"),
        ("launch !rocket", "rocket"),
        ("+volcano -https://wire.example/v/Groß?id=3", ""),
        # Compounds, elision, names of languages, scripts without blanks, invisible letters.
        ("covid19", "apart covid joined"),
        ("covid-19", "apart covid joined"),
        ("covid 19", "apart covid joined"),
        ("oreal", "oreal"),
        ("l'oreal", "oreal"),
        ("ivoire", "ivoire"),
        ("c++", "cpp"),
        ("c#", "csharp"),
        ("+c", "c"),
        ("กรุงเทพ", "thai"),
        ("서울", "korea"),
        ("大学", "china"),
        ("bundesgericht", "soft"),
        # Nearness.
        ("alpha NEAR/1 beta", "near"),
        ("beta w/4 alpha", "far near"),
        ("alpha NEAR/0 beta", "near"),
        ('"alpha b*"', "near"),
        ('"alpha beta"~99999', "far near"),
        # Addresses in all their forms.
        ("https://wire.example/v/Groß?id=3", "wire"),
        ("http://m.wire.example/v/Gro%c3%9f/?id=3#x", "wire"),
        ("wire.example/v/Groß?id=3&fbclid=abc.", "wire"),
        ("https://amp.wire.example/other", "wire"),
        ('"https://ash.example/a"', "wire"),
        ("url:https://ash.example/a", "wire"),
        ("look at this: https://ash.example/a", "wire"),
        ("url:*", "wire"),
        ("https://ash.example/b", ""),
        # Providers and dates.
        ("site:wire.example", "wire"),
        ("source:https://wire.example/x", "wire"),
        ("provider: wire", "wire"),
        ("provider:w?re", "wire"),
        ("site:.example volcano", "wire"),
        ("site:other.example", ""),
        ("date:2021 .. 2022", "wire"),
        ("before:2022", "wire"),
        ("before:2021", ""),
        ("date: 2021", "wire"),
        ("since:yesterday", ""),
        ("date:1 June 2021", "wire"),
        ("date:jun 1st, 2021 volcano", "wire"),
        ('date:"Jun. 2021"', "wire"),
        ("date:>=june 2021 -date:july 2021", "wire"),
        ("before:june 2021", ""),
        ("date:may 2021 .. july 2021", "wire"),
        ("date:may 2021..jul. 2021", "wire"),
        ("date:[1 jan 2021 TO dec 2021]", "wire"),
        ("date:june 2021, volcano", "wire"),
        ("date:2 june 2021", ""),
        ("published:false", "wire"),
        # Nothing to search for.
        ("???", ""),
        ("$$$", ""),
        ("🐸", ""),
        ('""', ""),
        ("( )", ""),
    ],
)
def test_what_is_typed_finds_what_is_meant(engine, query, stories):
    """These stories and no others."""
    page = engine.search(query, spelling=False, limit=50)
    assert " ".join(sorted(hit.story.id[:-3] for hit in page.hits)) == stories


@pytest.mark.parametrize(
    ("query", "first"), [("AIDS", "aids"), ("aid", "aid"), ("WHO", "WHO"), ("who", "who")]
)
def test_capitals_and_the_word_as_written_come_first(engine, query, first):
    """Acronyms typed as such rank what is written so first; other words, as typed."""
    assert engine.search(query).hits[0].story.id == f"{first}.md"


@pytest.mark.parametrize(
    ("query", "text", "reason"),
    [
        ("volcano lang:de", "lang:de", "no field"),
        ("volcano tittle:x", "tittle:x", "tittle is no field, title is"),
        ("date:05/31/2022", "date:05/31/2022", "2022-05-31"),
        ("published:maybe", "published:maybe", "true or false"),
        ("quality:good", "quality:good", "80"),
        ("date:0 may 2021", "date:0 may 2021", "2022-05-31"),
        ("date:2021-05-00", "date:2021-05-00", "2022-05-31"),
        ("month:may", "month:may", "2022-05"),
        ("month:2022-13", "month:2022-13", "2022-05"),
        ("year:last", "year:last", "2022"),
        ("volcano OR site:nowhere.example", "site:nowhere.example", "fits no story"),
        ('volcano -topic:"a b"', 'topic:"a b"', "fits no story"),
        ("provider:wire provider:wore*", "provider:wore*", "fits no story"),
        ("provider:(wire OR wore)", "wore", "fits no story"),
        ("url:wire", "url:wire", "https://"),
        ("alpha NEAR/2 (x OR y z)", "alpha", "read as AND"),
        ("???", "???", "nothing to search for"),
        ("volcano~0.8", "volcano~0.8", "read as ~1"),
        ("vulcanoes~7", "vulcanoes~7", "read as ~2"),
        ("vulcanoes~1.9", "vulcanoes~1.9", "read as ~2"),
        ('title:"launch of', '"launch of', "never closed"),
        ("volcano 2021-06-01,", "2021-06-01", "date:2021-06-01"),
        ('launch "of a rocket', '"of a rocket', "never closed"),
        ("2021-06-01", "2021-06-01", "date:2021-06-01"),
        ("volcano 2021-06-01", "2021-06-01", "date:2021-06-01"),
    ],
)
def test_what_is_not_understood_is_named(engine, query, text, reason):
    """What, where in the query, and what it was taken for."""
    page = engine.search(query)
    (notice,) = page.notices
    assert notice.text.startswith(text)
    assert reason in notice.reason
    assert query[notice.start : notice.end].startswith(text)
    assert page.suggestion is None


def test_words_that_nothing_has_round_an_address_change_no_score(engine):
    """The rest is found as without them, and weighed as such."""
    (alone,) = engine.search("+volcano https://ash.example/a/").hits
    (hit,) = engine.search("zzzqqq +volcano https://ash.example/a/").hits
    assert hit.score == alone.score > 0
    assert engine.explain("zzzqqq +volcano https://ash.example/a/", "wire.md").score == (
        pytest.approx(hit.score)
    )


def test_the_heaviest_boosts_change_no_order(engine):
    """Nor do scores lose anything: they stay what explanations say."""
    page = engine.search("(((language^999)^999)^999)^999")
    assert [hit.story.id for hit in page.hits] == [
        hit.story.id for hit in engine.search("language").hits
    ]
    for hit in page.hits:
        why = engine.explain_page(page)[hit.story.id]
        assert why.score == pytest.approx(hit.score, rel=1e-5)


@pytest.mark.parametrize("query", ["2021~2024", "10~20", "volcano~500", "volcano~12"])
def test_numbers_with_a_tilde_between_are_no_near_spellings(query):
    """Nor is a word with more than a digit after it: both are sought."""
    parsed = parse(query)
    assert [leaf.text for leaf in parsed.plain] == query.split("~")
    assert not parsed.notices


def test_filters_that_fit_no_story_are_named(engine):
    """As values in a query are, be they wanted or excluded; those that stories have are not."""
    chosen = {"provider": ["wore.example", "wire"], "topic": ["-nothing"]}
    notices = engine.search("volcano", filters=chosen).notices
    assert [one.text for one in notices] == ["provider=wore.example", "topic=-nothing"]
    assert all("fits no story" in one.reason for one in notices)
    assert not engine.search("", filters={**chosen, "published": ["true"]}).notices


def test_an_address_that_ends_with_a_dot(tmp_path):
    """It is found as it is, and without it: a sentence may end there, or the address be cut."""
    index = build(tmp_path, [{"title": "Ash", "webUrl": "https://wire.example/ash-falls-8385."}])
    with indexer.open_index(index, compiled=False) as engine:
        for typed in ("https://wire.example/ash-falls-8385.", "wire.example/ash-falls-8385"):
            assert engine.search(typed).total == 1


def test_a_sure_correction_is_shown_and_can_be_undone(engine):
    """Where nothing is found as typed, and the page says what was searched."""
    page = engine.search("lanugage")
    assert (page.corrected, page.total) == ("language", 3)
    page = engine.search("lanugage", spelling=False)
    assert (page.corrected, page.suggestion, page.total) == (None, "language", 0)


@pytest.mark.parametrize(
    ("headline", "words"),
    [
        ('Miller on volcano talks: "Erupting is an art of the people"', None),
        ("Miller on “volcano talks” that erupt again today", None),
        ("Volcano erupts again | Miller talks to people", None),
        ("On topic: volcano talks of Miller today", None),
        ("Volcano talks on er**ption of today", None),
        ('Miller on volcano: "I love er**ption talks" (again)', None),
        ('Miller: "Erupting is an art, OR NOT, of volcano"', "or not"),
    ],
)
def test_a_pasted_headline_that_quotes_somebody_is_found(engine, headline, words):
    """Where it finds nothing with its quotes, bars and colons: headlines have their own."""
    assert not engine.search(headline, spelling=False).total
    page = engine.search(headline)
    assert page.total
    assert page.corrected
    assert not set('":|*“()') & set(page.corrected)
    assert words is None or words in page.corrected
    assert page.total == engine.search(page.corrected).total


def test_quotes_hold_where_a_story_has_them(engine):
    """A headline is read otherwise only where it finds nothing as it was typed."""
    page = engine.search('Language of volcano rockets: "launch of a rocket"')
    assert (page.total, page.corrected) == (1, None)
    assert engine.search("Language of volcano rockets launch of a rocket").total > 1


@pytest.mark.parametrize(
    ("query", "words"),
    [('"er**ption of a volc*no"', '"er ption of a volc no"'), ('"today?Yes, it erupts"', None)],
)
def test_signs_within_the_words_of_a_quotation(tmp_path, query, words):
    """They are patterns, and where these find nothing, signs of the text."""
    texts = ("Er**ption of a volc*no", "Does it today?Yes, it erupts", "Eruption of volcanoes")
    index = build(tmp_path, [{"title": text} for text in texts])
    with indexer.open_index(index, compiled=False) as engine:
        page = engine.search(query)
        assert (page.total, page.corrected) == (1, words or '"today Yes, it erupts"')
        page = engine.search('"erupt*on of volc?noes"')
        assert (page.total, page.corrected) == (1, None)


@pytest.mark.parametrize(
    "query",
    [
        '"volcano talks of miller again today"',
        'volcano "talks of miller"',
        'volcano eruption island -harbour rains "talks of miller"',
        'site:alpha.example volcano eruption island rains "talks of miller"',
        'volcano AND eruption island rains harbour "talks of miller"',
        'volcano eruption island rains "talks of miller" -"harbour rains"',
        'volcano eruption island rains +"talks of miller" again',
        'volcano eruption island rains "talks of miller" -(harbour rains)',
        'volcano eruption island rains ="talks of miller" again',
        'volcano eruption island rains again "talks of miller"~2',
        'volcano eruption island rains again "talks of miller"^2',
        'title:"volcano today" miller talks of volcano',
        "volcano again one two provider:“the wire club”",
    ],
)
def test_quotes_of_a_query_written_to_be_searched_hold(engine, query):
    """Few words, nothing but a quotation, operators and fields are no pasted headline."""
    page = engine.search(query)
    assert (page.total, page.corrected) == (0, None)


@pytest.mark.parametrize(
    "query",
    [
        "site:http://" + "a" * 60_000,
        "alpha NEAR/5 " * 5_000 + "beta",
        "site:" + "a." * 30_000,
        "provider:" + "*a" * 30_000,
        "北京大学发布新闻" * 8_000,
        "-日" * 20_000,
        "w NEAR/9 " * 7_000,
        "(" * 60_000,
        "a|" * 30_000,
        "https://" * 8_000,
        "1,000," * 10_000,
        "L'" * 30_000,
    ],
    ids=lambda query: query[:12],
)
def test_long_queries_of_any_kind_end(engine, query):
    """An answer, or an error that says what is too much."""
    try:
        page = engine.search(query)
    except indexer.QueryError as error:
        said = str(error)
    else:
        said = "256" * all(hit.highlights for hit in page.hits)
    assert "256" in said
