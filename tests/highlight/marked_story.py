"""A story with something to mark, and what is marked in it."""

from __future__ import annotations

import html
import re

from indexer.analysis import iter_words

STORY = {
    "title": "Low-code &lt;b&gt;tools&lt;/b&gt; &amp; Zürich's cloud",
    "excerpt": "A cloud of clouds: the quick brown fox. Quick!",
    "body": "Filler words come first. " * 40
    + "Then the needle and another needle. "
    + "More filler. " * 40,
    "related": [
        {"title": "Volterra", "excerpt": "ARM chips and cloud"},
        {"title": "Cloud Volterra", "excerpt": "cloud"},
        {"title": "Something else", "excerpt": 'Quoted "x" &amp; &lt;i&gt;volterra&lt;/i&gt;'},
        {"title": "Nothing", "excerpt": "of note"},
    ],
}


def marks(*texts):
    """The words between marks; Chinese ones, which touch, share one."""
    found = [
        html.unescape(part) for text in texts for part in re.findall("<mark>(.*?)</mark>", text)
    ]
    return [word.text for part in found for word in iter_words(part)]
