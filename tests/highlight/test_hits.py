"""What hits read, when, and what they say of damage."""

from __future__ import annotations

import threading
from itertools import islice

import msgspec
import pytest

from indexer.errors import IndexCorrupt
from indexer.highlight import hits as hits_module
from indexer.highlight.hits import make_hits
from indexer.languages import ENGLISH
from indexer.model import Article, Story, mark_together
from indexer.query.nodes import All, Fuzzy, Phrase, Word
from indexer.schema import cut_related, encode_related, read_article

ARTICLES = tuple(Article(title=f"Cloud {n}", excerpt="a <cloud>", heat=n) for n in range(4))
STORY = Story(id="s", title="A cloud", excerpt="the cloudy sky", body="cloud & sky", heat=1)


class Archive:
    """A snapshot of which it is known what was read."""

    language = ENGLISH

    def __init__(self):
        self.reads = []
        self.articles = cut_related(encode_related(ARTICLES))

    def lead(self, doc_id):
        self.reads.append(f"lead {doc_id}")
        if doc_id == 3:
            raise self.damaged(doc_id, "torn")
        return STORY

    def related(self, doc_id):
        self.reads.append(f"related {doc_id}")
        return self.articles

    def damaged(self, doc_id, error):
        return IndexCorrupt("here", "x.sto", f"story {doc_id} cannot be read: {error}")


class Answer:
    """A query that was answered: articles 2 and 0 of every story match."""

    def __init__(self, node, matching=((2, 5.0), (0, 3.0))):
        self.node = node
        self.asked = []
        self._matching = list(matching)

    def matching(self, doc_ids):
        self.asked.append(tuple(doc_ids))
        return [self._matching for _ in doc_ids]

    def near(self, leaf):
        self.asked.append(leaf)
        return frozenset({"cloud"})


@pytest.fixture
def archive():
    return Archive()


@pytest.fixture
def decoded(monkeypatch):
    """The articles that were decoded."""
    titles = []

    def read(raw):
        article = read_article(raw)
        titles.append(article.title)
        return article

    monkeypatch.setattr(hits_module, "read_article", read)
    return titles


def hits_of(archive, answer, doc_ids=(1, 2, 3)):
    scores = [float(9 - doc_id) for doc_id in doc_ids]
    return list(make_hits(archive, answer, list(doc_ids), scores))


def test_nothing_is_read_before_it_is_asked_for(archive, decoded):
    """A story is read for what is asked of it, an article too, and each once.

    Which articles match is found out for the whole page.
    """
    answer = Answer(All((Word("sky"), Fuzzy("cluod", 2))))
    hit, other, _ = hits_of(archive, answer)
    assert (archive.reads, answer.asked, hit.score) == ([], [], 8.0)
    assert hit.story is hit.story is STORY
    assert (archive.reads, answer.asked) == (["lead 1"], [])
    assert [(article.score) for article in hit.related] == [5.0, 3.0]
    assert hit.related is hit.related
    assert (archive.reads, answer.asked, decoded) == (["lead 1"], [(1, 2, 3)], [])
    best, _ = hit.related
    assert (best.title, best.article.heat, best.url, best.provider) == ("Cloud 2", 2, None, None)
    assert decoded == ["Cloud 2"]
    assert best.highlights == {
        "title": "<mark>Cloud</mark> 2", "excerpt": "a &lt;<mark>cloud</mark>&gt;",
    }  # fmt: skip
    assert str(hit.highlights) == str(hit.highlights)
    assert str(other.related[1].highlights) == str(other.related[1].highlights)
    assert answer.asked == [(1, 2, 3), Fuzzy("cluod", 2)]
    assert archive.reads == ["lead 1", "related 1", "related 2"]
    assert decoded == ["Cloud 2", "Cloud 0"]


def test_spans_are_the_highlights_as_offsets(archive):
    """`spans` has the fields of `highlights`, and says where in the texts the marks are."""
    (hit,) = hits_of(archive, Answer(Word("cloud")), [1])
    assert hit.spans == {"title": ((2, 7),), "excerpt": (), "body": ((0, 5),)}
    assert hit.highlights == {
        "title": "A <mark>cloud</mark>",
        "excerpt": "the cloudy sky",
        "body": "<mark>cloud</mark> &amp; sky",
    }
    assert hit.related[0].spans == {"title": ((0, 5),), "excerpt": ((3, 8),)}
    assert repr(hit) == "Hit('s', score=8.000)"
    assert repr(hit.related[0]) == "RelatedHit('Cloud 2', score=5.000)"


def test_fields_decide_where_words_are_marked(archive):
    """A word of a field is marked in that field only, `related` in articles."""
    (hit,) = hits_of(archive, Answer(All((Word("sky", "body"), Word("cloud", "related")))), [1])
    assert hit.spans == {"title": (), "excerpt": (), "body": ((8, 11),)}
    assert hit.related[0].spans == {"title": ((0, 5),), "excerpt": ((3, 8),)}


@pytest.mark.parametrize("damage", [b"\xc1", b"\x80", b"\x81\xa5title\x01", None])
def test_damage_is_named_and_spoils_nothing_else(archive, damage):
    """What cannot be read is an error of one story or article; all others are shown."""
    if damage is None:
        archive.articles = archive.articles[:2]
    else:
        archive.articles[2] = msgspec.Raw(damage)
    hit, other, torn = hits_of(archive, Answer(Word("cloud")))
    for read in ("story", "highlights", "spans"):
        with pytest.raises(IndexCorrupt, match=r"x\.sto.*story 3 .*torn"):
            getattr(torn, read)
    bad, good = hit.related
    for read in ("article", "title", "highlights", "spans"):
        with pytest.raises(IndexCorrupt, match=r"x\.sto.*story 1 cannot be read"):
            getattr(bad, read)
    assert good.title == torn.related[1].title == "Cloud 0"
    assert good.highlights["title"] == "<mark>Cloud</mark> 0"
    assert hit.highlights == other.highlights


def test_threads_share_hits(archive):
    """Threads that read the same hits at once see the same."""
    node = All((Word("sky"), Word("cloud"), Fuzzy("cluod", 1)))
    hits, seen = hits_of(archive, Answer(node), [1, 2]), []

    def read():
        seen.append(
            [(hit.highlights, [(one.title, one.highlights) for one in hit.related]) for hit in hits]
        )

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [seen[0]] * 8


def _of_body(archive, body, node):
    archive.lead = lambda doc_id: Story(id="s", title="long", body=body)
    (hit,) = hits_of(archive, Answer(node), [1])
    return [body[start:end] for start, end in hit.spans["body"]], hit.highlights["body"]


@pytest.mark.parametrize("before", [0, 1, 65_530, 65_533, 65_536, 131_070, 300_000])
@pytest.mark.parametrize("filler", ["x ", "雲"])
def test_a_match_is_found_wherever_in_a_long_body_it_stands(archive, before, filler):
    """Matches are sought stretch by stretch; none is cut, and a phrase is not either."""
    body = (filler * before)[:before] + " big cloud " + "x " * 70_000
    phrase = Phrase(("big", "cloud"))
    found, shown = _of_body(archive, body, phrase)
    assert found == ["big cloud"]
    assert "<mark>big cloud</mark>" in shown


@pytest.mark.parametrize("cut", [65_536, 131_072])
def test_no_part_of_a_word_is_taken_for_a_word(archive, cut):
    """A word that lies over the end of a stretch is read whole."""
    body = ("x " * cut)[: cut - 5] + "thundercloud" + " y" * 1_000
    assert _of_body(archive, body, Word("cloud"))[0] == []


def test_a_body_is_read_as_far_as_the_first_stretch_with_matches(archive):
    """Every word of a huge body may match: only a stretch of it is marked."""
    found, shown = _of_body(archive, "cloud " * 600_000, Word("cloud"))
    assert 10_000 < len(found) < 12_000
    assert shown.startswith("<mark>cloud</mark> <mark>cloud</mark>")


@pytest.mark.parametrize("node", [Word("cloud"), Phrase(("cloud", "2")), Word("sky", "excerpt")])
def test_what_is_marked_together_is_marked_as_alone(archive, node):
    """Marks do not depend on what else is shown, nor on what was looked at before."""
    ids = list(range(1, 40, 2))
    archive.lead = lambda doc_id: Story(id="s", title="a cloud", excerpt="2 skies" * (doc_id % 3))
    alone, together = (hits_of(archive, Answer(node), ids) for _ in range(2))
    assert together[1].related[0].highlights
    shown = [text for hit in together for text in (hit, *hit.related)]
    mark_together(shown)
    mark_together([])
    for one, other in zip((t for hit in alone for t in (hit, *hit.related)), shown, strict=True):
        assert (one.spans, one.highlights) == (other.spans, other.highlights)


def test_highlights_have_the_fields_of_the_text(archive):
    """Title, excerpt and body; what the text does not have is no field."""
    hit = hits_of(archive, Answer(Word("cloud")))[0]
    assert list(hit.highlights) == ["title", "excerpt", "body"]
    assert list(hit.related[0].highlights) == ["title", "excerpt"]
    with pytest.raises(KeyError):
        hit.highlights["related"]


def test_matches_of_many_hits_are_found_out_a_page_at_a_time(archive):
    """An export of all stories does not ask about all of them for its first line."""
    answer = Answer(Word("cloud"))
    hits = make_hits(archive, answer, range(4, 10_000), [1.0] * 9_996)
    assert [len(hit.related) for hit in islice(hits, 40)] == [2] * 40
    assert sum(map(len, answer.asked)) < 100
    assert answer.asked[1][0] == answer.asked[0][-1] + 1
