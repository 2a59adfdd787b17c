"""What is particular to English: function words, and the light form of a word.

A light form has regular inflection removed and derivation kept: steps 0 and 1 of Porter 2
(Snowball English), and then a final e dropped. *clouds*, *clouded*
and *clouding* become *cloud*; *computing*, *computed* and *computes* become *comput*, as
*compute* does, but *computer* and *computation* keep apart although all of them share a stem.

Two words have the same light form where they have the same stem *and* the same result of
`light_form`: without its final e, *plane* is like *plan*. So call it within a stem's words only.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ..analysis import stem_of
from ..variants import FORMS, SPELLINGS, one_spelling, other_beginnings

_FUNCTION_WORDS = """
    a about above after again against all also am an and any anything are arent as at be because
    been before being below between both but by cannot cant concerned concerning could couldnt
    dealing deals did didnt do does doesnt doing dont down during each eg etc exist exists few
    find finding for from further give given had hadnt has hasnt have havent having he hed hell
    her here heres hers herself hes him himself his how however hows i id ie if ill im in
    interested into is isnt it its itself ive know lets like looking may me might more most
    mustnt my myself no nor not of off on once only or other ought our ours ourselves out over
    own please regarding same shant she shed shell shes should shouldnt so some something
    stories story such tell than that thats the their theirs them themselves then there theres
    these they theyd theyll theyre theyve this those through to too under until up upon versus
    very vs want wanted was wasnt we wed well were werent weve what whats when whens where wheres
    whether which while who whom whos why whys will with within without wont would wouldnt you
    youd youll your youre yours yourself yourselves youve
"""
#: Words that tell little of what is sought, folded: Snowball's list, the verbs of requests,
#: and what an archive of stories is asked for. `v` tells: *Roe v Wade*.
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
#: Those that stand in texts of many languages, and so do not tell in which a text is.
COMMON_WORDS = frozenset(("versus", "vs"))

_VOWELS = frozenset("aeiouy")
_DOUBLES = frozenset(("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt"))
_IRREGULAR = {"skis": "ski", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie"}
#: Words that only look inflected.
_INVARIANT = frozenset(
    (
        "news", "sky", "howe", "atlas", "cosmos", "bias", "andes", "inning", "outing", "canning",
        "herring", "earring", "evening", "proceed", "exceed", "succeed",
    )
)  # fmt: skip
#: What precedes the region R1, in which a suffix must lie.
_BEFORE_R1 = re.compile("(?:gener|commun|arsen)|.*?[aeiouy][^aeiouy]")


@lru_cache(maxsize=1 << 15)
def light_form(word: str) -> str:
    """The light form of a folded word."""
    word = one_spelling(word)
    if word in _IRREGULAR:
        return _drop_e(_IRREGULAR[word])
    if len(word) < 3 or word in _INVARIANT:
        return word
    marked = _mark_consonant_y(word)
    singular = _without_plural(marked)
    if singular.lower() in _INVARIANT:
        return singular.lower()
    verb = _without_ed_or_ing(singular, _start_of_r1(marked))
    if len(verb) > 2 and verb[-1] in "yY" and verb[-2] not in _VOWELS:
        verb = verb[:-1] + "i"
    return _drop_e(verb.lower())


def _drop_e(word: str) -> str:
    return word[:-1] if len(word) > 2 and word.endswith("e") else word


def _mark_consonant_y(word: str) -> str:
    """Write a y that is a consonant, at the start or after a vowel, as Y."""
    if "y" not in word:
        return word
    letters = list(word)
    for at, letter in enumerate(letters):
        if letter == "y" and (at == 0 or letters[at - 1] in _VOWELS):
            letters[at] = "Y"
    return "".join(letters)


def _start_of_r1(word: str) -> int:
    """Where R1 starts: after the first consonant that follows a vowel."""
    before = _BEFORE_R1.match(word)
    return before.end() if before else len(word)


def _has_vowel(part: str) -> bool:
    return not _VOWELS.isdisjoint(part)


def _without_plural(word: str) -> str:
    """Step 1a."""
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith(("us", "ss")) or not word.endswith("s"):
        return word
    return word[:-1] if _has_vowel(word[:-2]) else word


def _without_ed_or_ing(word: str, start_of_r1: int) -> str:
    """Step 1b."""
    for suffix in ("eedly", "eed"):
        if word.endswith(suffix):
            long_enough = len(word) - len(suffix) >= start_of_r1
            return word[: len(word) - len(suffix)] + "ee" if long_enough else word
    for suffix in ("ingly", "edly", "ing", "ed"):
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            break
    else:
        return word
    if suffix == "ing" and len(base) == 2 and base[1] == "y":  # vying → vie
        return base[0] + "ie"
    if not _has_vowel(base):
        return word
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if base[-2:] in _DOUBLES:
        return base if len(base) == 3 and base[0] in "aeo" else base[:-1]  # add, egg, off
    return base + "e" if start_of_r1 >= len(base) and _ends_short(base) else base


def _ends_short(word: str) -> bool:
    """Whether a word ends in a short syllable."""
    if len(word) == 2:
        return word[0] in _VOWELS and word[1] not in _VOWELS
    if len(word) < 3:
        return False
    before, vowel, after = word[-3], word[-2], word[-1]
    return before not in _VOWELS and vowel in _VOWELS and after not in _VOWELS | set("wxY")


def beginnings(stem: str) -> set[str]:
    """What all words with this stem begin with.

    Stemming changes the end of what it leaves: happy → happi, ability → abl, dying → die.
    """
    begin = re.sub("(?<=.)(?:ie|[eily])$", "", stem)
    found = {begin, *other_beginnings(begin), *_unlike().get(stem, ())}
    return {one for one in found if one == begin or not one.startswith(begin)}


@cache
def _unlike() -> dict[str, list[str]]:
    """Stems, and words with each that may not begin as it does."""
    words: dict[str, list[str]] = {}
    for word in FORMS | SPELLINGS:
        words.setdefault(stem_of(word), []).append(word)
    return words
