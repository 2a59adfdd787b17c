"""What invented stories are made of: names by rank, and sentences with gaps."""

from __future__ import annotations

from math import prod

_split = str.split
#: None begins with a vowel, since they may follow "a".
ADJECTIVES = _split("""
    new major strategic rare costly broad sudden modest bold cautious joint public private local
    digital national rural coastal steady sharp fragile mixed lengthy disputed delayed promising
    complex quiet rapid popular temporary permanent binding limited generous practical medical
""")
NOUNS = _split("""
    deal plan market report decision service price project partner customer investor worker system
    network product device study trial rule law court tax budget contract factory hospital bridge
    railway harbour satellite server battery engine vaccine patient teacher farmer mayor committee
    museum festival record forecast drought storm river telescope robot patent strike pension audit
""")
DAYS = _split("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

_ONSETS = _split("""
    Vel Kor Tarn Bry Lum Zeph Mar Quil Dax Fen Orl Hest Ryd Sab Nym Cald Pell Jor Trev Wex Ash Bel
    Cyr Dor Elk Gav Hal Ith Kes Lor Myr Nev Osk Pry Rov Sel Thal Urs Vash Yar
""")
_MIDDLES = _split("a o i e u ara eno ila oru an en or")
_PLACES = _split("mouth burg port vik stad ville holm minster field dale haven fjord grad polis")
_TERMS = _split("""
    neuro photo thermo bio hydro geno nano cryo aero electro magneto xeno lumi ferro litho myco
    astro seismo chrono gyro phyto cardio radio sono turbo ultra micro macro poly iso baro chemo
""")
#: A name of a kind is one of each of these parts; an underscore stands for a space.
_PARTS = {
    "company": (_ONSETS, _MIDDLES, _split("dume vex tonic mira novix stra lith pex quor sys ron"),
                _split("_Systems _Labs _Group _Energy _Foods _Robotics _Health _Motors _Media")),
    "paper": (_ONSETS, _MIDDLES, _PLACES,
              _split("_Herald _Courier _Gazette _Ledger _Tribune _Post _Chronicle _Review _Wire")),
    "person": (_split("Anna_ Zoë_ Malik_ Ingrid_ Jürgen_ Amara_ Søren_ Hiro_ Łukasz_ Priya_"),
               _ONSETS, _MIDDLES, _split("sen ski dez ton ley man well berg ström ova wick oğlu")),
    "place": (_ONSETS, _MIDDLES, _PLACES),
    "product": (_ONSETS, _MIDDLES, _split("ix on us era io et"), _split("_1 _2 _3 _4 _5 _6 _7")),
    "term": (["", *_TERMS], _TERMS,
             _split("lattice membrane graph reactor catalyst polymer scanner resin filter antenna "
                    "kernel fabric mesh probe array valve crystal enzyme pigment alloy relay")),
}  # fmt: skip
#: How many names of a kind there are; their ranks count from 0 to one less.
COUNTS = {kind: prod(map(len, parts)) for kind, parts in _PARTS.items()}


def name_of(kind: str, rank: int) -> str:
    """The name of a rank; neighbours look nothing alike, and no two ranks share a name."""
    number = rank * 1_000_003 % COUNTS[kind]  # a prime that divides no count
    name = ""
    for choices in _PARTS[kind]:
        number, choice = divmod(number, len(choices))
        name += choices[choice]
    return name.replace("_", " ")


#: Titles and sentences that articles about any event may have.
TITLES = ["Why {co} matters to {place}", "{who} on {co}, {term} and a {adj} {noun}"]
COMMENTS = [
    "Observers in {town} called it a {adj} {noun}.",
    "A {adj} {noun} comes first, {who} added.",
    "The {noun} of {town} would need a {adj} {other} and the {thing}.",
]
_KINDS = """\
technology
Cloud Computing; Partnerships; Artificial Intelligence; Devices
{co} picks {rival} for its {term}; {rival} and {co} sign {amount} {term} deal in {place}
{co} signed with {rival} on {day} to run its {term} in the cloud.
It is worth {amount} over {few} years, said {who}, who leads the team at {co}.

security
Cybersecurity; Privacy; Data Breaches
{co} breach traced to {term} flaw; {who} finds {term} flaw in {product} by {co}
Attackers copied {few} million records of {co} through a flaw in its {term}.
{who}, a researcher at {rival}, advises users of {product} to install the update.

business
Mergers; Markets; Earnings
{co} to buy {rival} for {amount}; {rival} shares jump on {amount} bid by {co}
{co} agreed on {day} to buy {rival} of {place} for {amount}.
{who}, chief executive of {co}, wants the {term} that {rival} makes.

health
Medicine; Research; Public Health
{term} trial by {co} helps patients in {place}; {co} halts {term} trial, says {who}
Patients in {place} did better with the {term} of {co}, {who} reported on {day}.
The trial cost {amount} and ran for {few} years; {rival} plans another.

science
Space; Climate; Physics
{who} finds a {adj} {term} near {place}; {place} team and {co} measure {term}
A team led by {who} in {place} measured the {term} for {few} years.
Instruments by {co} and {rival} cost {amount}, and saw it on {day}.

politics
Elections; Regulation; Trade
{place} votes on {term} rule against {co}; {who} of {place} fines {co} {amount}
The parliament of {place} voted on {day} for a {adj} rule on {term}.
{who}, who drafted it, named {co} and {rival}.
"""
#: Kinds of event, each as lines: category, topics, titles, sentences.
KINDS = [kind.splitlines() for kind in _KINDS.split("\n\n")]
#: Topics that stories of any kind may have besides.
TOPICS = _split("""
    Opinion Jobs Housing Education Food Travel Law Energy Weather Farming Gaming Telecoms Robotics
    Oceans Banking Chips
""")
