"""Lists of words, and names made of syllables.

A name is a pure function of its rank: rank 0 is the most frequent. Ranks are scattered
over all combinations of syllables, so that neighbours look nothing alike.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from ..model import Provider


def _split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


ADJECTIVES = _split("""
    new major strategic rare costly broad sudden modest bold cautious joint public private local
    global digital national rural coastal steady sharp fragile mixed lengthy familiar disputed
    delayed promising surprising complex simple quiet rapid gradual popular controversial
    temporary permanent voluntary binding limited generous narrow radical practical profitable
    renewable medical scientific political financial commercial technical legal social cultural
    historic regional seasonal weekly monthly better cheaper faster smaller larger safer greener
    smarter stronger weaker younger wider deeper secret formal tentative painful reluctant
    decisive meticulous dazzling perfunctory labyrinthine
""")

NOUNS = _split("""
    deal plan market report decision service price project partner customer investor worker
    system platform network product device study trial rule law court tax budget contract
    supplier factory warehouse hospital school university laboratory bridge railway harbour
    airport pipeline satellite server battery engine vehicle vaccine medicine patient doctor
    teacher student farmer fisherman miner driver pilot tenant landlord voter mayor minister
    committee regulator union charity museum theatre festival orchestra stadium league season
    match tournament record forecast drought flood storm harvest forest river glacier reef
    species telescope mission rocket robot sensor chip code patent licence lawsuit settlement
    merger strike shortage surplus subsidy tariff loan bond currency pension salary dividend
    audit breach password firewall backup outage upgrade prototype blueprint warranty refund
    petition referendum amendment archive manuscript exhibition biography documentary algorithm
    browser camera display keyboard laptop phone tablet headset spreadsheet database
    subscription franchise portfolio dashboard inventory container freight locomotive tram ferry
    bicycle scooter runway tunnel canal dam turbine windmill reservoir orchard vineyard pasture
    meadow glasshouse bakery brewery dairy cannery foundry quarry sawmill shipyard lighthouse
    observatory planetarium aquarium botanist chemist geologist surgeon midwife pharmacist
    dentist therapist symptom infection allergy diabetes influenza asthma fracture transplant
    genome protein enzyme bacterium fungus comet asteroid nebula eclipse meteorite orbit isotope
    neutrino photon treaty embassy parliament senate ombudsman constitution census curfew
    ceasefire sanction embargo monopoly cartel arbitration tribunal goalkeeper striker referee
    marathon regatta decathlon sculpture fresco tapestry sonata libretto screenplay lexicon
    palimpsest sextant astrolabe
""")

WATCHERS = _split("""
    Analysts Critics Residents Investors Experts Unions Lawyers Scientists Readers Regulators
    Economists Engineers Neighbours Parents Historians Activists Bankers Nurses Farmers
    Designers Traders Founders Veterans Publishers Ecologists Librarians Sociologists Hoteliers
    Beekeepers Cartographers Ornithologists Numismatists
""")

DEEDS = _split("""
    changed welcomed surprised questioned delayed praised doubted supported defended rejected
    compared discussed explained measured repaired replaced financed inspected disappointed
    overtook inspired weakened strengthened simplified complicated postponed tested doubled
    halved copied admired ignored revived rescued endangered transformed outlived eclipsed
    overshadowed undermined accelerated stabilised restructured catalogued digitised scrutinised
    lambasted vindicated exonerated galvanised
""")

TIMES = (
    "last year", "this week", "in spring", "after months of talks", "before the summer",
    "without a comment", "for the first time", "in a public hearing", "at short notice",
    "despite a warning", "by a narrow margin", "at the annual conference", "in an interview",
    "over the weekend", "behind closed doors", "to general applause", "against all forecasts",
    "with help from abroad", "under a new licence", "between two elections", "once more",
    "on the eve of the vote", "amid heavy rain", "during the holidays", "through a subsidiary",
    "according to minutes", "in a leaked letter", "beyond the border", "notwithstanding protests",
)  # fmt: skip

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FIRST_NAMES = _split("""
    Anna Pedro Zoë Malik Ingrid Tomas Chloé Jürgen Amara Søren Lucía Hiro Nadia Łukasz Priya
    Owen Beatriz Émile Farid Greta Håkon Imani Joaquín Keiko Leïla Marek Noor Óscar Paola
    Quentin Rosa Stefán Tamsin Umar Věra Wendy Xavi Yusuf Zdeněk Aoife Bruno Carys Dario Elif
""")

_ONSETS = _split("""
    Vel Kor Tarn Bry Lum Zeph Mar Quil Dax Fen Orl Hest Ryd Sab Nym Cald Pell Jor Trev Wex Ash
    Bel Cyr Dor Elk Gav Hal Ith Kes Lor Myr Nev Osk Pry Rov Sel Thal Urs Vash Yar
""")
_MIDDLES = _split("""
    a o i e u ara eno ila oru an en or
""")
_COMPANY_ENDS = _split("""
    dume vex tonic mira novix stra lith pex quor sys ron dax tera bly nex grid vio cor lume zen
""")
_COMPANY_KINDS = (
    "", "", " Systems", " Labs", " Group", " Energy", " Foods", " Robotics", " Health", " Air",
    " Motors", " Capital", " Media", " Networks", " Materials", " Partners",
)  # fmt: skip
_SURNAME_ENDS = _split("""
    sen ski dez ton ley man well berg ström ova escu wick more ford hart lin daya kawa oğlu iez
""")
_PLACE_ENDS = _split("""
    mouth burg port vik stad ville holm minster field dale haven fjord acre ness grad ora ía
    polis
""")
_PRODUCT_ENDS = _split("""
    ix on us era io et yx um ax el
""")
_TERM_STARTS = _split("""
    neuro photo thermo bio hydro geno nano cryo aero electro magneto xeno lumi ferro litho myco
    astro seismo chrono gyro phyto cardio radio sono turbo ultra micro macro poly iso hemo osteo
    baro chemo helio petro quanto vibro topo agro
""")
_TERM_ENDS = _split("""
    lattice membrane graph battery sensor reactor catalyst polymer engine scanner compiler
    network vaccine turbine resin filter antenna kernel ledger fabric mesh probe array valve
    crystal enzyme pigment alloy relay coil drone implant archive circuit fuel foam lens pump
    router seed
""")
_PAPERS = _split("""
    Herald Courier Gazette Ledger Observer Tribune Dispatch Post Chronicle Monitor Review Wire
    Bulletin Standard Insider Echo Mirror Argus Beacon Report
""")
_PAPER_FIELDS = (
    "Tech", "Business", "Health", "Science", "Market", "Energy", "Cloud", "City", "Sports",
    "Café", "Policy", "Data",
)  # fmt: skip

#: How many providers there are.
PROVIDERS = 400

_NAMES = len(_ONSETS) * len(_MIDDLES)
#: How many names of each kind there are; ranks count from 0 to one less.
COMPANIES = _NAMES * len(_COMPANY_ENDS) * len(_COMPANY_KINDS)
PEOPLE = _NAMES * len(_SURNAME_ENDS) * len(FIRST_NAMES)
PLACES = _NAMES * len(_PLACE_ENDS)
PRODUCTS = _NAMES * len(_PRODUCT_ENDS) * 9
TERMS = len(_TERM_STARTS) * len(_TERM_ENDS) * (len(_TERM_STARTS) + 1)

# A prime larger than any factor of the counts above: multiplying by it permutes ranks.
_SCATTER = 1_000_003


def _scatter(rank: int, count: int) -> int:
    return (rank * _SCATTER + 17) % count


def _stem(number: int) -> tuple[int, str]:
    number, onset = divmod(number, len(_ONSETS))
    number, middle = divmod(number, len(_MIDDLES))
    return number, _ONSETS[onset] + _MIDDLES[middle]


def company_name(rank: int) -> str:
    """A company by rank."""
    number, stem = _stem(_scatter(rank, COMPANIES))
    kind, end = divmod(number, len(_COMPANY_ENDS))
    return stem + _COMPANY_ENDS[end] + _COMPANY_KINDS[kind]


def person_name(rank: int) -> tuple[str, str]:
    """First name and surname of a person by rank."""
    number, stem = _stem(_scatter(rank, PEOPLE))
    first, end = divmod(number, len(_SURNAME_ENDS))
    return FIRST_NAMES[first], stem + _SURNAME_ENDS[end]


def place_name(rank: int) -> str:
    """A town by rank."""
    end, stem = _stem(_scatter(rank, PLACES))
    return stem + _PLACE_ENDS[end]


def product_name(rank: int) -> str:
    """A product by rank."""
    number, stem = _stem(_scatter(rank, PRODUCTS))
    version, end = divmod(number, len(_PRODUCT_ENDS))
    return f"{stem}{_PRODUCT_ENDS[end]} {version + 1}"


def term_name(rank: int) -> str:
    """A technical term by rank; rare ones are longer."""
    simple = len(_TERM_STARTS) * len(_TERM_ENDS)
    prefix, rest = divmod(rank, simple)
    start, end = divmod(_scatter(rest, simple), len(_TERM_ENDS))
    before = _TERM_STARTS[prefix - 1] if prefix else ""
    return before + _TERM_STARTS[start] + _TERM_ENDS[end]


@lru_cache(maxsize=1)
def providers() -> tuple[Provider, ...]:
    """All providers, the largest first; no domain twice."""
    found: dict[str, Provider] = {}
    rank = 0
    while len(found) < PROVIDERS:
        paper = _PAPERS[rank * 7 % len(_PAPERS)]
        if rank % 3:
            name = f"{place_name(rank)} {paper}"
        else:
            field = _PAPER_FIELDS[rank // 3 % len(_PAPER_FIELDS)]
            name = f"{product_name(rank).split()[0]} {field}"
        domain = slug(name).replace("-", "" if rank % 2 else "-") + ".example"
        found.setdefault(domain, Provider(domain if rank % 23 == 22 else name, domain))
        rank += 1
    return tuple(found.values())


_KEPT = {ord(c): c for c in "abcdefghijklmnopqrstuvwxyz0123456789-"} | {ord(" "): "-"}
_SLUG = {code: _KEPT.get(code) for code in range(128)}
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ı": "i"})


def slug(text: str) -> str:
    """Text as it stands in an address: lower-case ASCII letters, digits and hyphens."""
    text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        text = text.encode("ascii", "ignore").decode()
    return text.translate(_SLUG)
