"""A plan over a whole snapshot → total, the best stories, facet counts.

One segment at a time, by `plain`, or by `fast` once the compiler is loaded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..codec.format import F32, F64, I32, I64, Mask
from ..codec.read import SegmentArrays
from ..kernels import shrinking
from .answer import FIRST, Answer, Best, FacetWish, Failed, Ordering
from .plain import Matches, evaluate, score_rows
from .plan import Plan
from .snapshot import Snapshot
from .words import NO_ROWS

if TYPE_CHECKING:
    from .fast import FastSegment

NO_DOCS = np.empty(0, np.int64)


class Executor:
    """Runs plans over a snapshot; safe to share between threads.

    Uses plain arithmetic until the compiled loops are loaded.
    """

    def __init__(self, snapshot: Snapshot, loops: CompiledLoops) -> None:
        self.snapshot = snapshot
        self._loops = loops
        self._fast: list[FastSegment] = []

    def run(
        self, plan: Plan, ordering: Ordering, k: int, wishes: Sequence[FacetWish] = ()
    ) -> Answer:
        """Match, order and count facets; raises `IndexCorrupt` if a file became shorter."""
        self._loops.load_in_background()
        run = self._run_compiled if self._loops.loaded else self._run_plainly
        answer = run(plan, ordering, k, wishes)
        if shrinking.happened():
            self.snapshot.check_sizes()
        return answer

    def _run_compiled(
        self, plan: Plan, ordering: Ordering, k: int, wishes: Sequence[FacetWish]
    ) -> Answer:
        k = min(k, self.snapshot.size)
        everything = k > self._loops.module.MOST_HELD
        room = self.snapshot.size if everything else k
        best = Best(room, everything, ordering.groups)
        bases = self.snapshot.bases
        found = [
            segment.run(plan, base, ordering, best)
            for base, segment in zip(bases, self._segments(), strict=True)
        ]
        matched, total, complete, held = best.state.tolist()
        docs, keys, breadths = best.docs[:held], best.keys[:held], best.breadths[:held]
        winners = best.group_docs >= 0
        grouped = len(winners) > 0 and bool(winners.any())
        if everything or grouped:
            docs = np.concatenate((docs, best.group_docs[winners]))
            keys = np.concatenate((keys, best.group_keys[winners]))
            breadths = np.concatenate((breadths, best.group_breadths[winners]))
            order = np.lexsort((docs, -keys))[:k]
            docs, keys, breadths = docs[order], keys[order], breadths[order]
            total += int(winners.sum())
            complete += int(best.group_whole.sum())
        counts = [self._join(wish, (part.count(wish) for part in found)) for wish in wishes]

        def listed() -> I64:
            passing = [part.passing() + base for part, base in zip(found, bases, strict=True)]
            docs = np.concatenate([NO_DOCS, *passing])
            if len(best.groups):  # of each only the best
                docs = np.concatenate((docs[best.groups[docs] < 0], best.group_docs[winners]))
            return docs

        answer = Answer(
            matched, total, complete, docs.tolist(), _scores_of(keys, ordering.first),
            breadths.tolist(), counts, listed,
        )  # fmt: skip
        if not grouped and not any(map(len, ordering.failed)):
            return answer  # no story of a group matches
        return self._grouped(answer, ordering, [part.has for part in found], wishes)

    def score_rows(self, plan: Plan, doc_ids: Sequence[int]) -> list[F32]:
        """float32[its rows] for each of some stories: what each scores, leads as any other."""
        scores = [NO_ROWS.scores] * len(doc_ids)
        for number, places, docs in self.snapshot.located(doc_ids):
            run = self.fast(number)
            if run is None:
                found = score_rows(self.snapshot.segments[number], number, plan, docs)
            else:
                found = run.score_rows(plan, docs)
            for place, one in zip(places, found, strict=True):
                scores[place] = one
        return scores

    def fast(self, number: int) -> FastSegment | None:
        """What runs compiled over a segment; None until the compiled loops are loaded."""
        return self._segments()[number] if self._loops.loaded else None

    def _segments(self) -> list[FastSegment]:
        if not self._fast:
            self._fast = [
                self._loops.module.FastSegment(segment, number)
                for number, segment in enumerate(self.snapshot.segments)
            ]
        return self._fast

    def _join(self, wish: FacetWish, parts: Iterator[I64 | None]) -> I64:
        """Counts by the segments' own ordinals → int64[values]."""
        values = self.snapshot.facet(wish.facet)
        if len(values.ordinals) == 1:  # whose values are those of the only segment
            only = next(parts)
            return np.zeros(len(values.keys), np.int64) if only is None else only
        counts = np.zeros(len(values.keys), np.int64)
        for ordinals, part in zip(values.ordinals, parts, strict=True):
            if part is not None:
                counts[ordinals] += part
        return counts

    def _run_plainly(
        self, plan: Plan, ordering: Ordering, k: int, wishes: Sequence[FacetWish]
    ) -> Answer:
        snapshot = self.snapshot
        found = [evaluate(part, number, plan) for number, part in enumerate(snapshot.segments)]
        need = plan.required if plan.wide else 0
        docs, keys = [np.empty(0, np.int64)], [np.empty(0, np.float64)]
        wholes, breadths = [np.empty(0, np.bool_)], [np.empty(0, np.float64)]
        for base, part, failed in zip(snapshot.bases, found, ordering.failed, strict=True):
            passing = part.matched & (failed == 0 if len(failed) else True)
            whole = (part.words == need) & (need > 0)
            wholes.append(whole[passing])
            breadths.append(part.breadths[passing])
            docs.append(np.flatnonzero(passing) + base)
            keys.append(_keys(part, base, whole, ordering)[passing])
        all_docs, all_keys = np.concatenate(docs), np.concatenate(keys)
        all_wholes, all_breadths = np.concatenate(wholes), np.concatenate(breadths)
        if ordering.groups is not None:
            best = _best_of(ordering.groups.of[all_docs], all_keys)
            all_docs, all_keys, all_wholes = all_docs[best], all_keys[best], all_wholes[best]
            all_breadths = all_breadths[best]
        order = np.argsort(-all_keys, kind="stable")[:k]
        parts = list(zip(snapshot.segments, found, ordering.failed, strict=True))
        counts = [
            self._join(wish, (_count(one, part.matched, fate, wish) for one, part, fate in parts))
            for wish in wishes
        ]
        matched = sum(int(part.matched.sum()) for part in found)
        answer = Answer(
            matched, len(all_docs), int(all_wholes.sum()), all_docs[order].tolist(),
            _scores_of(all_keys[order], ordering.first), all_breadths[order].tolist(), counts,
            lambda: all_docs,
        )  # fmt: skip
        return self._grouped(answer, ordering, [part.matched.__getitem__ for part in found], wishes)

    def _grouped(
        self,
        answer: Answer,
        ordering: Ordering,
        matches: Sequence[Callable[[I64], Mask]],
        wishes: Sequence[FacetWish],
    ) -> Answer:
        """The same with stories of a group counted once in facets.

        matches: for each segment what says which of some documents match
        """
        groups = ordering.groups
        if groups is None:
            return answer
        docs = [docs for _, docs in groups.parts]
        matched = groups.gather([has(some) for has, some in zip(matches, docs, strict=True)])
        failed: Failed = np.zeros(len(matched), np.uint8)
        if any(map(len, ordering.failed)):
            parts = zip(ordering.failed, docs, strict=True)
            failed = groups.gather([fates[some] for fates, some in parts])
        counts = [
            count
            - groups.surplus(
                self.snapshot, wish.facet, matched & ((failed == 0) | (failed == wish.own))
            )
            for wish, count in zip(wishes, answer.counts, strict=True)
        ]
        return answer._replace(counts=counts, passed=matched & (failed == 0))


def _best_of(groups: I32, keys: F64) -> Mask:
    """bool[n]: documents, in order, that are in no group, or the best, then last, of theirs."""
    best: Mask = groups < 0
    order = np.lexsort((keys, groups))
    last = np.append(groups[order][1:] != groups[order][:-1], True)[: len(order)]
    best[order[last]] = True
    return best


def _keys(part: Matches, base: int, whole: Mask, ordering: Ordering) -> F64:
    """What documents are ordered by, highest first."""
    if len(ordering.ranks):
        return -ordering.ranks[base : base + len(part.matched)].astype(np.float64)
    bonus = np.where(whole, np.float32(ordering.bonus), np.float32(1))
    keys = (part.scores * bonus).astype(np.float64)
    first: F64 = np.where(whole & ordering.first, keys + FIRST, keys)
    return first


def _scores_of(keys: F64, first: bool) -> list[float]:
    """Scores of documents in their order; 0 where it is not one of scores.

    first: whether documents with all words come before all others
    """
    least = FIRST if first else np.inf
    return [key - FIRST if key >= least else key if key > 0 else 0.0 for key in keys.tolist()]


def _count(segment: SegmentArrays, matched: Mask, failed: Failed, wish: FacetWish) -> I64 | None:
    """int64[V]: the matches of a segment that have each value of a facet."""
    if not segment.has_facet(wish.facet):
        return None
    offsets, ordinals = segment.facet(wish.facet)
    if len(failed):
        matched = matched & ((failed == 0) | (failed == wish.own))
    kept = np.repeat(matched, np.diff(offsets))
    return np.bincount(ordinals[kept], minlength=segment.fields[wish.facet].terms)


class CompiledLoops:
    """The compiled loops, loaded in the background or when asked for.

    `load` imports and returns them, which takes about a second: one-shot programs do without, for
    which it is None.
    """

    def __init__(self, load: Callable[[], Any] | None) -> None:
        self.module: Any = None
        self._load = load
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        # A fork waits until they are loaded: its child would wait for ever for locks that a
        # loading thread holds.
        os.register_at_fork(
            before=self._lock.acquire,
            after_in_parent=self._lock.release,
            after_in_child=self._begin_again,
        )

    def _begin_again(self) -> None:
        self._thread = None
        self._lock.release()

    @property
    def loaded(self) -> bool:
        """Whether compiled loops can be used."""
        return self.module is not None

    def load(self) -> None:
        """Load them now; returns when they are ready."""
        with self._lock:
            if self.module is None and self._load is not None:
                # What runs so long that files may become shorter meanwhile.
                shrinking.install()
                self.module = self._load()

    def load_in_background(self) -> None:
        """Start loading them, unless that was done before."""
        if self.module is None and self._thread is None and self._load is not None:
            self._thread = threading.Thread(target=self.load, name="storydex-compiler", daemon=True)
            self._thread.start()
