"""The thresholds of a rebuild, each with what set it.

`TUNING` is what rebuilds use. A test that needs other values passes a record of its own.
Times were measured on two cores, with real stories of 22 kB.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Thresholds and pauses of rebuilding and watching; times in the unit of the name."""

    #: A file changed this shortly before it was read may have changed again within the
    #: granularity of its time stamp, two seconds at most (FAT). It is compared by content.
    clock_grain_ns: int = 2_000_000_000
    #: The fewest settled files that are worth a new generation so that they need not be
    #: looked at again. A generation without new segments costs as much as looking at some 60.
    settled_files: int = 64
    #: How often to list a folder once more while it seems to miss files that are there.
    #: Listings of a folder whose files were replaced all the time were whole after one.
    more_listings: int = 3
    #: The fewest files worth starting another worker for. To start and to end one takes
    #: 30 ms, to read and index a story 4 ms.
    files_per_worker: int = 64
    #: Bytes of story files that make a segment. They bound the memory of a worker, which
    #: is 250 MB with these; half of it saves 60 MB and doubles the segments to merge.
    shard_bytes: int = 24 << 20
    #: Files after which a worker tells its progress. A message costs the writer 0.1 ms.
    told_files: int = 64
    #: Stories that the compression of stored stories is trained on. Twice as many make
    #: the index 1 % smaller and take a second more.
    dictionary_stories: int = 256
    #: Pieces of text that are known from one segment to the next, about as many as a
    #: segment of `shard_bytes` has.
    known_pieces: int = 1 << 15
    #: Words of stories at hand, without files, that make a segment; they bound memory as
    #: `shard_bytes` does.
    segment_words: int = 6_000_000
    #: How long a watched folder must be quiet before it is read: an editor or a copy of
    #: many files pauses for less.
    quiet_ms: int = 500
    #: Never wait longer than this while changes keep coming.
    longest_wait_ms: int = 10_000
    #: How often to look whether to stop watching.
    look_up_ms: int = 250
    #: Seconds until a rebuild that failed is tried again, doubled each time, and the most.
    first_pause: float = 2.0
    longest_pause: float = 60.0


TUNING = Tuning()
