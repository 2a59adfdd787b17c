"""English words that are one, which no stemmer tells: other spellings and irregular forms.

*Colour* is stemmed as *color*, *travelling* as *traveling* and *organise* as *organize*; *women* as
*woman*, *won* as *win*, *two* as *2*; *Kiev* as *Kyiv*. Spellings share their light form, too.
Texts keep what was written, and quotes find just that.

Forms are left out that are as often another word: *rose*, *found*, *left*, *met*, *led*, *lives*.
"""

from __future__ import annotations

import re


def _others(table: str) -> dict[str, str]:
    """Words, each before what stands for it, with commas between → what stands for it, and it."""
    return {other: word for word, *others in map(str.split, table.split(",")) for other in others}


#: British beginnings of words, and American ones.
_BEGINNINGS = _others(
    """airplan aeroplan, aluminum aluminium, arbor arbour, archeolog archaeolog, ardor ardour,
    armor armour, artifact artefact, behavior behaviour, belabor belabour, candor candour,
    centerpiece centrepiece, cesarean caesarean, clamor clamour, color colour, cozie cosie,
    cozy cosy, cipher cypher, defens defenc, demeanor demeanour, diarrhe diarrhoe,
    discolor discolour, dishonor dishonour, encycloped encyclopaed, endeavor endeavour,
    enrollment enrolment, estrogen oestrogen, favor favour, fervor fervour,
    fiberglass fibreglass, fetal foetal, fetus foetus, flavor flavour, fulfillment fulfilment,
    glamor glamour, gynecolog gynaecolog, harbor harbour, honor honour, humor humour,
    inquir enquir, installment instalment, jewelry jewellery, labor labour, licens licenc,
    maneuv manoeuv, misbehavior misbehaviour, mold mould, mustach moustach, neighbor neighbour,
    odor odour, offens offenc, orthoped orthopaed, pajama pyjama, parlor parlour,
    pediatr paediatr, pedophil paedophil, plow plough, practic practis, pretens pretenc,
    rancor rancour, rigor rigour, rumor rumour, savior saviour, savor savour, skeptic sceptic,
    skillful skilful, smolder smoulder, splendor splendour, sulf sulph, theatergo theatrego,
    tumor tumour, unfavor unfavour, valor valour, vapor vapour, vigor vigour,
    watercolor watercolour, woolen woollen, yogurt yoghurt"""
)
#: Spellings of words and names, and the one that is stemmed: itself, of a name that looks like one.
SPELLINGS = _others(
    """aging ageing, gray grey, grays greys, graying greying, judgment judgement,
    judgments judgements, math maths, program programme, programs programmes,
    bengaluru bangalore, chennai madras, gaddafi qaddafi kadafi, hezbollah hizbollah hizbullah,
    kharkiv kharkov, kolkata calcutta, kyiv kiev, lviv lvov, mumbai bombay, myanmar burma,
    muhammad mohammed mohammad muhammed mohamed mohamad muhamad, odesa odessa, qaeda qaida,
    quran koran, shiite shia, shiites shias, turkey turkiye,
    zelensky zelenskyy zelenskiy zelenskyi, enquirer enquirer"""
)
#: Forms that no rule makes, short forms and numbers, and the words that they stand for.
FORMS = _others(
    """child children childrens, man men mens, woman women womens, foot feet, goose geese,
    mouse mice, tooth teeth, calf calves, half halve halves halved halving, knife knives,
    loaf loaves, scarf scarves, shelf shelves, thief thieves, wife wives, wolf wolves,
    bacterium bacteria, crisis crises, criterion criteria, fungus fungi, phenomenon phenomena,
    referendum referenda, january jan, february feb, august aug, september sept, october oct,
    november nov, december dec, department dept, departments depts, government govt,
    governments govts, hour hrs, international intl, television tv, year yr yrs, 2 two twos,
    3 three threes, 4 four fours, 5 five fives, 6 six sixes, 7 seven sevens, 8 eight eights,
    9 nine nines, 10 ten tens, 11 eleven, 12 twelve, 13 thirteen, 14 fourteen, 15 fifteen,
    16 sixteen, 17 seventeen, 18 eighteen, 19 nineteen, 20 twenty, 30 thirty, 40 forty,
    50 fifty, 60 sixty, 70 seventy, 80 eighty, 90 ninety, 1st first firsts, 3rd third thirds,
    4th fourth fourths, 5th fifth fifths, 6th sixth sixths, 7th seventh sevenths,
    8th eighth eighths, 9th ninth ninths, 10th tenth tenths, beat beaten, become became,
    begin began begun, bite bitten, bleed bled, blow blew blown, break broke broken, breed bred,
    bring brought, build built, burn burnt, buy bought, catch caught, choose chose chosen,
    cling clung, come came, creep crept, deal dealt, dig dug, draw drew drawn, dream dreamt,
    drink drank, drive drove driven, eat ate eaten, fall fell fallen, feel felt, fight fought,
    flee fled, fly flew flown, forbid forbade forbidden, forget forgot forgotten,
    forgive forgave forgiven, freeze froze frozen, get got gotten, go went gone,
    grow grew grown, hang hung, hear heard, hide hid hidden, hold held, keep kept, lay laid,
    leap leapt, learn learnt, lose lost, make made, mean meant, mislead misled, mistake mistook,
    overcome overcame, overthrow overthrew overthrown, pay paid, prove proven, rebuild rebuilt,
    rewrite rewrote rewritten, ride rode ridden, ring rang, rise risen, run ran, say said,
    see seen, seek sought, sell sold, send sent, shake shook shaken, shine shone, show shown,
    shrink shrank shrunk, sing sang sung, sink sank sunk, sleep slept, slide slid,
    speak spoke spoken, spend spent, spin spun, spoil spoilt, spring sprang sprung, stand stood,
    steal stole stolen, stick stuck, strike struck, swear swore sworn, sweep swept,
    swim swam swum, swing swung, take took taken, teach taught, tear tore torn,
    throw threw thrown, undergo underwent undergone, understand understood,
    undertake undertook undertaken, uphold upheld, wear wore worn, weave wove woven, weep wept,
    win won, withdraw withdrew withdrawn, withhold withheld, withstand withstood,
    write wrote written"""
)
#: Words in -men that are no plural.
_NO_MEN = frozenset(
    (
        "abdomen", "acumen", "amen", "bitumen", "bremen", "carmen", "cyclamen", "lumen", "omen",
        "ramen", "regimen", "semen", "specimen", "stamen", "turkmen", "yemen",
    )
)  # fmt: skip
_FIRST = frozenset(beginning[:3] for beginning in _BEGINNINGS)
_BEGINNING = re.compile("|".join(_BEGINNINGS))
#: Words in -ise that nobody writes with a z. So are those with a vowel, v or w before it.
_NO_VERB = (
    "(?:.*franch|.*pr|chast|chem|circumc|comprom|conc|dem|den|desp|exc|exerc|expert|(?:im)?prec|inc"
    "|merchand|moonr|mort|parad|prem|prom|(?:re)?advert|sunr|treat|upr|val)is"
)
_VERB = "(e[ds]?|ers?|ing(?:ly)?|able|ations?|ational)"
_ENDS_IN_RE = "cent|theat|met|fib|calib|sab|scept|spect|somb|meag|lust|maneuv"
_DOUBLED = (
    "travel|cancel|model|label|level|fuel|dial|signal|counsel|jewel|panel|medal|tunnel|channel|funnel"
    "|pedal|rival|total|equal|duel|libel|quarrel|shovel|swivel|unravel|grovel|parcel|pencil|stencil"
    "|initial|marshal|spiral|towel|marvel"
)
#: What a word has in it, what to look for then, and what to write in its place.
_ENDINGS = tuple(
    (sign, re.compile(pattern), other)
    for sign, pattern, other in (
        ("is", rf"^(?!{_NO_VERB})(..+(?:[^aeouvw]|tiv))is{_VERB}$", r"\1iz\2"),
        ("lyz", r"(?<=..)lyz(e[ds]?|ers?|ing)$", r"lys\1"),
        ("re", rf"({_ENDS_IN_RE})r(?:e(s?)|(ed))$", r"\1er\2\3"),
        ("ll", rf"({_DOUBLED})l(?=a[bt]|e[dr]|i[ns]|o[ru])", r"\1"),
        ("logu", r"logu(?:e(s?)|(ed|ing))$", r"log\1\2"),
        ("aem", r"(?<=.)aem(?=[aio])", "em"),
    )
)  # fmt: skip
#: What a stem may have, and words with it in its place.
_RESTORED = tuple(
    (re.compile(pattern), other)
    for pattern, other in (
        (r"(?<=..)iz", "is"), (r"(?<=.)lys", "lyz"), (rf"({_ENDS_IN_RE})er", r"\1r"),
        (r"(?<=.)em(?=[aio]|$)", "aem"), (r"man$", "men"),
        (rf"({_DOUBLED})(?=[aeio])", r"\1l"),
    )
)  # fmt: skip


def main_form(word: str) -> str:
    """What a folded word is stemmed as: what it is a form of, in one spelling."""
    if word in FORMS:
        return FORMS[word]
    if word.endswith("men") and word not in _NO_MEN:
        return word[:-2] + "an"
    return one_spelling(word)


def one_spelling(word: str) -> str:
    """A folded word in the spelling that is stemmed: mostly the American one, but analyse."""
    if word in SPELLINGS:
        return SPELLINGS[word]
    if word[:3] in _FIRST and (found := _BEGINNING.match(word)):
        word = _BEGINNINGS[found[0]] + word[found.end() :]
    for sign, ending, other in _ENDINGS:
        if sign in word:
            word = ending.sub(other, word)
    return word


def other_beginnings(stem: str) -> list[str]:
    """What words may begin with that do not begin as their stem, but for those in tables."""
    found = [
        british
        for british, begin in _BEGINNINGS.items()
        if stem.startswith(begin) or begin.startswith(stem)
    ]
    return found + [text.sub(other, stem) for text, other in _RESTORED if text.search(stem)]
