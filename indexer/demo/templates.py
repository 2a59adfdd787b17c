"""Sentences with gaps, by kind of event.

Gaps are those that `stories.py` fills: `co` and `rival` companies, `who` and `sur` a
person, `place`, `prod`, `term`, `amt` money, `pct` a percentage, `num` and `few` counts,
`day`, `year`; and chosen anew for each article `adj`, `noun`, `other`, `thing`, `town`,
`did`, `when` (`When`) and `Who`.
An adjective may follow "a": none begins with a vowel.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of event: titles of its stories, and sentences that tell of it."""

    category: str
    topics: tuple[str, ...]
    titles: tuple[str, ...]
    sentences: tuple[str, ...]


KINDS = (
    Kind(
        "technology",
        ("Cloud Computing", "Partnerships", "Artificial Intelligence"),
        (
            "%(co)s picks %(rival)s to be its strategic cloud provider",
            "%(rival)s expands its %(term)s partnership with %(co)s",
            "Why %(co)s moves its %(term)s work to %(rival)s",
            "%(co)s and %(rival)s sign %(amt)s cloud deal",
            "Despite a '%(adj)s' %(noun)s, %(co)s taps %(rival)s for %(term)s research",
        ),
        (
            "%(co)s signed a %(adj)s agreement with %(rival)s on %(day)s to run its %(term)s "
            "software in the cloud.",
            "The agreement is worth %(amt)s over %(few)s years, according to %(who)s, who leads "
            "the team at %(co)s.",
            "Shares of %(rival)s rose %(pct)s after the announcement.",
            "%(co)s will move its %(term)s workloads to data centres near %(place)s.",
        ),
    ),
    Kind(
        "technology",
        ("Devices", "Product Launches", "Consumer Tech"),
        (
            "%(co)s unveils %(prod)s with a %(adj)s %(term)s",
            "Hands on with the %(prod)s: %(co)s bets on the %(term)s",
            "%(prod)s review: a %(adj)s answer to %(rival)s",
            "%(co)s shows off %(prod)s in %(place)s",
            "Everything we know about the %(prod)s by %(co)s",
        ),
        (
            "%(co)s presented the %(prod)s in %(place)s on %(day)s, the first device of its kind "
            "with the new %(term)s.",
            "The %(prod)s will cost %(pct)s less than last year's model and goes on sale in "
            "%(num)s shops.",
            "%(who)s, head of design at %(co)s, called the %(prod)s a %(adj)s step.",
            "%(rival)s is expected to answer the %(prod)s with a device of its own.",
        ),
    ),
    Kind(
        "technology",
        ("Cybersecurity", "Privacy", "Data Breaches"),
        (
            "%(co)s says attackers copied data of %(num)s customers",
            "Breach at %(co)s traced to a %(adj)s %(term)s flaw",
            "%(rival)s researchers find %(term)s flaw in %(prod)s",
            "What the %(co)s breach means for %(place)s",
            "%(co)s patches %(prod)s after warning by %(sur)s",
        ),
        (
            "Attackers copied records of %(num)s customers of %(co)s through a flaw in its "
            "%(term)s software, the company said on %(day)s.",
            "The flaw in %(prod)s was found by %(who)s, a researcher at %(rival)s.",
            "%(co)s advises everyone who uses %(prod)s to install the update at once.",
            "Regulators in %(place)s could fine %(co)s up to %(amt)s.",
        ),
    ),
    Kind(
        "business",
        ("Mergers", "Markets", "Startups"),
        (
            "%(co)s to buy %(rival)s for %(amt)s",
            "%(rival)s agrees to %(amt)s takeover by %(co)s",
            "%(co)s deal for %(rival)s faces a %(adj)s review",
            "Inside the %(amt)s merger of %(co)s and %(rival)s",
            "%(sur)s to lead %(co)s after %(rival)s merger",
        ),
        (
            "%(co)s agreed on %(day)s to buy %(rival)s, a maker of %(term)s equipment, for "
            "%(amt)s in cash.",
            "%(who)s will lead the merged company from its offices in %(place)s.",
            "The price is %(pct)s above the closing price of %(rival)s.",
            "About %(num)s jobs could go, unions at %(co)s fear.",
        ),
    ),
    Kind(
        "business",
        ("Earnings", "Markets", "Retail"),
        (
            "%(co)s profit rises %(pct)s on %(term)s sales",
            "%(co)s shares dip as %(term)s demand weakens",
            "%(co)s lifts forecast after a %(adj)s quarter",
            "%(rival)s loses ground to %(co)s in %(place)s",
            "Five things in the results of %(co)s",
        ),
        (
            "%(co)s reported a quarterly profit of %(amt)s on %(day)s, %(pct)s more than a year "
            "before, helped by demand for its %(prod)s.",
            "Sales of %(term)s products to customers in %(place)s were the main reason, chief "
            "executive %(who)s said.",
            "Shares of %(co)s dipped even as the company lifted its forecast for %(year)s.",
            "%(rival)s, its closest competitor, reports next week.",
        ),
    ),
    Kind(
        "health",
        ("Medicine", "Public Health", "Research"),
        (
            "%(term)s therapy by %(co)s helps patients in %(place)s trial",
            "%(co)s halts %(adj)s %(term)s trial",
            "Doctors in %(place)s welcome %(term)s results",
            "%(sur)s: the %(term)s could change how we treat pain",
            "%(co)s and %(rival)s share %(term)s research",
        ),
        (
            "A %(adj)s trial with %(num)s patients in %(place)s found that the %(term)s by %(co)s "
            "halves the time in hospital.",
            "The results, published on %(day)s, were %(pct)s better than with the usual treatment.",
            "%(who)s, who led the trial, warned that larger studies are needed.",
            "%(co)s spent %(amt)s on the treatment and hopes for approval in %(year)s.",
        ),
    ),
    Kind(
        "science",
        ("Space", "Research", "Astronomy"),
        (
            "%(prod)s probe sends first pictures of its %(term)s",
            "%(co)s launches %(prod)s from %(place)s",
            "Astronomers in %(place)s find a %(adj)s signal",
            "%(sur)s team builds a %(adj)s %(term)s",
            "Launch of %(prod)s put off after %(term)s fault",
        ),
        (
            "The %(prod)s probe, built by %(co)s for %(amt)s, sent its first pictures on %(day)s.",
            "It carries one %(term)s that weighs %(num)s kilograms and was tested in %(place)s.",
            "%(who)s, who proposed the mission, called the pictures %(adj)s and beautiful.",
            "%(rival)s had supplied a %(adj)s part that failed twice during the tests.",
        ),
    ),
    Kind(
        "environment",
        ("Climate", "Energy", "Renewables"),
        (
            "%(co)s to build %(term)s plant near %(place)s",
            "%(place)s backs %(amt)s %(term)s plan",
            "Residents of %(place)s divided over %(co)s plant",
            "%(rival)s drops out of %(place)s %(term)s project",
            "A %(adj)s year for the %(term)s",
        ),
        (
            "%(co)s will build a %(adj)s %(term)s plant near %(place)s that supplies %(num)s homes "
            "from %(year)s.",
            "The council of %(place)s approved the plan on %(day)s by a narrow majority.",
            "Emissions in the region could fall by %(pct)s, according to %(who)s.",
            "%(rival)s, which had shared the cost of %(amt)s, left the project in spring.",
        ),
    ),
    Kind(
        "politics",
        ("Elections", "Policy", "Regulation"),
        (
            "Minister %(sur)s wants %(adj)s rules for the %(term)s",
            "%(place)s votes on %(term)s law",
            "%(co)s lobbies against %(place)s %(term)s law",
            "%(sur)s defends %(amt)s budget in %(place)s",
            "Court in %(place)s rules against %(co)s",
        ),
        (
            "Parliament in %(place)s voted on %(day)s for a law that limits the %(term)s to "
            "%(num)s sites.",
            "Minister %(who)s called the law a %(adj)s compromise.",
            "%(co)s and %(rival)s had warned that it would cost them %(amt)s.",
            "In a poll %(pct)s of those asked were in favour.",
        ),
    ),
    Kind(
        "sports",
        ("Football", "Athletics", "Transfers"),
        (
            "%(sur)s scores twice as %(place)s wins %(adj)s final",
            "%(place)s signs %(who)s for %(amt)s",
            "%(sur)s out for the season, %(place)s says",
            "%(co)s to sponsor %(place)s until %(year)s",
            "How %(sur)s became the heart of %(place)s",
        ),
        (
            "%(who)s scored twice on %(day)s as %(place)s won the final before %(num)s spectators.",
            "The club paid %(amt)s for %(sur)s last summer, with help from its sponsor %(co)s.",
            "It was a %(adj)s evening for %(place)s, which had lost to the team of %(rival)s.",
            "%(sur)s has recovered from an injury with the help of the %(term)s.",
        ),
    ),
    Kind(
        "culture",
        ("Film", "Music", "Museums"),
        (
            "%(place)s museum shows %(adj)s works by %(sur)s",
            "%(sur)s film about %(co)s opens %(place)s festival",
            "Review: '%(prod)s' is a %(adj)s triumph",
            "%(co)s gives %(amt)s to %(place)s theatre",
            "%(who)s, the sculptor who works with the %(term)s",
        ),
        (
            "The museum of %(place)s opened an exhibition of %(who)s on %(day)s, the largest so "
            "far with %(num)s works.",
            "'%(prod)s', made with one %(term)s, is the best known of them.",
            "%(co)s paid %(amt)s for the exhibition, which moves to the galleries of %(rival)s.",
            "Tickets cost %(pct)s more than before, a %(adj)s rise for some visitors.",
        ),
    ),
    Kind(
        "transport",
        ("Electric Cars", "Aviation", "Railways"),
        (
            "%(co)s recalls %(num)s cars over %(term)s fault",
            "%(co)s opens %(term)s factory in %(place)s",
            "Railway to %(place)s delayed until %(year)s",
            "%(prod)s: %(co)s builds a %(adj)s electric car",
            "%(rival)s and %(co)s test driverless buses in %(place)s",
        ),
        (
            "%(co)s recalled %(num)s cars of the model %(prod)s on %(day)s because of a fault in "
            "the %(term)s.",
            "The repair will cost the company %(amt)s, %(who)s of its factory in %(place)s said.",
            "Orders for the %(prod)s fell %(pct)s in a %(adj)s month.",
            "%(rival)s, which supplies the part, denies that the %(term)s is to blame.",
        ),
    ),
)

#: Sentences that fit every event: what others say, and what happened besides.
COMMENTS = (
    "%(Who)s %(did)s a %(adj)s %(noun)s %(when)s.",
    "%(Who)s in %(town)s %(did)s the %(noun)s and the %(other)s %(when)s.",
    "The %(noun)s %(when)s %(did)s the whole %(other)s.",
    "A %(adj)s %(noun)s near %(town)s %(did)s the %(other)s.",
    "%(sur)s %(did)s the %(adj)s %(noun)s %(when)s.",
    "%(Who)s %(did)s the %(thing)s %(when)s.",
    "One %(adj)s %(thing)s %(did)s the %(noun)s of %(town)s.",
    "Neither the %(noun)s nor the %(other)s %(did)s %(who)s.",
    "%(co)s %(did)s its %(adj)s %(noun)s %(when)s.",
    "%(When)s, %(rival)s %(did)s the %(noun)s.",
    "That %(did)s %(town)s and its %(adj)s %(noun)s.",
    "For the %(other)s, a %(adj)s %(noun)s %(did)s the %(thing)s.",
)

#: Titles of related articles that only touch the event.
ASIDES = (
    "What a %(adj)s %(noun)s tells us about %(co)s",
    "Opinion: %(place)s deserves a better %(noun)s",
    "The week in brief: %(co)s, the %(thing)s and a %(adj)s %(noun)s",
    "%(town)s follows %(place)s with its own %(noun)s",
    "From %(noun)s to %(other)s: the %(adj)s rise of %(rival)s",
    "How the %(thing)s came to %(town)s",
    "%(sur)s on the %(noun)s, the %(other)s and life in %(place)s",
    "Explained: the %(thing)s",
)
