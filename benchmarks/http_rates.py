"""Requests a second of our server and of its peers, with one client and with four.

Every round has queries of its own, so that nobody answers from memory. In a round each server in
turn is asked all of them by each number of clients, half of the queries by each: none is measured
while the machine was quicker. A client is a thread with one connection that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from http.client import HTTPConnection
from statistics import median
from time import perf_counter

import msgspec

from .curves import STYLE
from .http_peers import Site

CLIENTS = (1, 4)
ROUNDS = 5
#: Queries of each round and number of clients, and those that warm a server up before the first.
PER_ROUND, WARM_UP = 150, 1000
#: A server that is slow is asked fewer of them.
MOST_SECONDS = 20.0
#: Ours, a peer, and how many times its requests a second are wanted of ours.
GOALS = (
    ("storydex, API", "OpenSearch", 3.0),
    ("storydex, API", "Datasette, JSON", None),
    ("storydex, page", "Datasette, page", 20.0),
)
#: How many queries a run takes.
QUERIES = WARM_UP + ROUNDS * len(CLIENTS) * PER_ROUND


class Rate(msgspec.Struct):
    """Requests a second, of all rounds, and their median; `hits`: what one round's queries found.

    hits: None of a page, which does not say it in a way that programs read
    """

    name: str
    clients: int
    rounds: list[float]
    per_second: float
    bytes: int
    hits: int | None


class Comparison(msgspec.Struct):
    """How many times the requests a second of a peer ours has; `wanted`: at least."""

    ours: str
    peer: str
    clients: int
    times: float
    wanted: float | None

    @property
    def reached(self) -> bool:
        """Whether that is as wished for."""
        return self.wanted is None or self.times >= self.wanted


def measure_rates(sites: Mapping[str, Site], queries: Sequence[str]) -> list[Rate]:
    """Ask every server, in rounds; takes `QUERIES` queries, fewer make smaller rounds."""
    warm_up = len(queries) * WARM_UP // QUERIES
    size = max(1, (len(queries) - warm_up) // (ROUNDS * len(CLIENTS)))
    for site in sites.values():
        _ask(site, queries[:warm_up], max(CLIENTS))
    found: dict[tuple[str, int], list[tuple[float, list[bytes]]]] = {}
    at = warm_up
    for _ in range(ROUNDS):
        for clients in CLIENTS:
            batch = queries[at : at + size] or queries[:size]
            at += size
            for name, site in sites.items():
                found.setdefault((name, clients), []).append(_ask(site, batch, clients))
    return [_rate(name, clients, rounds, sites[name]) for (name, clients), rounds in found.items()]


def _rate(name: str, clients: int, rounds: list[tuple[float, list[bytes]]], site: Site) -> Rate:
    rates = [rate for rate, _ in rounds]
    bodies = [body for _, answers in rounds for body in answers]
    return Rate(
        name, clients, rates, median(rates), int(median(map(len, bodies))),
        sum(map(site.total, bodies)) if site.total else None,
    )  # fmt: skip


def _ask(site: Site, queries: Sequence[str], clients: int) -> tuple[float, list[bytes]]:
    """Requests a second, and the answers."""
    waiting = iter(queries)
    connections = [HTTPConnection(site.address, timeout=60) for _ in range(clients)]
    for connection in connections:
        connection.connect()
    started = perf_counter()

    def client(connection: HTTPConnection) -> list[bytes]:
        answers = []
        for query in waiting:
            connection.request("GET", site.path(query))
            answer = connection.getresponse()
            answers.append(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{site.address}{site.path(query)}: {answer.status}")
            if perf_counter() - started > MOST_SECONDS:
                break
        return answers

    with ThreadPoolExecutor(clients) as pool:
        answers = [body for some in pool.map(client, connections) for body in some]
    seconds = perf_counter() - started
    for connection in connections:
        connection.close()
    return len(answers) / seconds, answers


def compare(rates: Sequence[Rate]) -> Iterator[Comparison]:
    """What was wished for, of the servers that were measured."""
    by_name = {(rate.name, rate.clients): rate.per_second for rate in rates}
    for ours, peer, wanted in GOALS:
        for clients in CLIENTS:
            if (peer, clients) in by_name:
                times = by_name[ours, clients] / by_name[peer, clients]
                yield Comparison(ours, peer, clients, times, wanted)


def report_rates(rates: Sequence[Rate]) -> str:
    """Two tables in Markdown."""
    names = list(dict.fromkeys(rate.name for rate in rates))
    by_name = {(rate.name, rate.clients): rate for rate in rates}
    lines = [
        f"| requests a second | {' | '.join(_clients(n) for n in CLIENTS)} | KB | hits |",
        f"| --- |{' ---: |' * (len(CLIENTS) + 2)}",
    ]
    for name in names:
        measured = [by_name[name, clients] for clients in CLIENTS]
        hits = sum(rate.hits or 0 for rate in measured)
        lines.append(
            f"| {name} | {' | '.join(f'{rate.per_second:,.0f}' for rate in measured)} "
            f"| {measured[0].bytes / 1000:.1f} | {f'{hits:,}' if hits else ''} |"
        )
    lines += ["", "| × the requests a second | clients | measured | wanted | |"]
    lines += ["| --- | ---: | ---: | ---: | --- |"]
    for one in compare(rates):
        verdict = "" if one.wanted is None else "reached" if one.reached else "**missed**"
        wanted = "" if one.wanted is None else f"≥ {one.wanted:g}"
        lines.append(
            f"| {one.ours} ÷ {one.peer} | {one.clients} | {one.times:.1f} | {wanted} | {verdict} |"
        )
    return "\n".join(lines)


def _clients(number: int) -> str:
    return "one client" if number == 1 else f"{number} clients"


_WIDTH, _LEFT, _TOP, _BAR, _GAP, _RIGHT = 620, 130, 58, 16, 12, 60


def draw_rates(rates: Sequence[Rate]) -> str:
    """An SVG: a bar for each server and number of clients, longest the quickest."""
    most = max(rate.per_second for rate in rates)
    names = list(dict.fromkeys(rate.name for rate in rates))
    told = ", ".join(f"{r.name} {r.per_second:,.0f} ({_clients(r.clients)})" for r in rates)
    title = "Requests a second"
    height = _TOP + len(names) * (_BAR * len(CLIENTS) + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{title}</title><desc>{escape(told)}</desc><style>{STYLE}</style>",
        f'<text x="12" y="20" font-weight="600">{title}</text>',
    ]
    for number, clients in enumerate(CLIENTS):
        x = _LEFT + number * 110
        parts += [
            f'<rect class="f{number}" x="{x}" y="31" width="12" height="12"/>',
            f'<text class="small" x="{x + 18}" y="41">{_clients(clients)}</text>',
        ]
    for rate in rates:
        number = CLIENTS.index(rate.clients)
        top = _TOP + names.index(rate.name) * (_BAR * len(CLIENTS) + _GAP) + number * _BAR
        if number == 0:
            parts.append(f'<text x="12" y="{top + 20}">{escape(rate.name)}</text>')
        width = round((_WIDTH - _LEFT - _RIGHT) * rate.per_second / most, 1)
        parts += [
            f'<rect class="f{number}" x="{_LEFT}" y="{top}" width="{width}" height="{_BAR - 2}"/>',
            f'<text class="small" x="{_LEFT + width + 6}" y="{top + 11}">'
            f"{rate.per_second:,.0f}</text>",
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
