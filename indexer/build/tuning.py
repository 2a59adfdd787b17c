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
    #: looked at again. To look at 64 takes 0.2 s, and a generation without new segments
    #: so little of that that it could not be measured beside it.
    settled_files: int = 64
    #: The fewest stories of which a rebuild does not remove more than half unasked.
    guarded_stories: int = 20
    #: Where more than one story in so many changes, all segments may be merged: the generation
    #: before the newest then makes room, for at most 3 times the index to be on the disk.
    room_share: int = 4
    #: How often to list a folder once more while it seems to miss files that are there,
    #: which a file system does only while files are being replaced.
    more_listings: int = 3
    #: The fewest files worth starting another worker for. To start and end one takes
    #: 25 ms, to read and index 64 stories 200 to 400 ms.
    files_per_worker: int = 64
    #: Bytes of story files that make a segment. They bound the memory of a worker: 247 MB
    #: with 10,000 stories, 319 MB with 100,000 (docs/benchmarks.md).
    shard_bytes: int = 24 << 20
    #: Stories that the compression of stored stories is trained on, which takes 0.1 s, and
    #: whose lengths give the averages. Twice as many make stored stories 5 % smaller, in
    #: 0.25 s and with twice the dictionary.
    sampled_stories: int = 256
    #: Words of stories at hand, without files, that make a segment; they bound memory in
    #: place of `shard_bytes`.
    segment_words: int = 6_000_000
    #: How long a watched folder must be quiet before it is read: an editor or a copy of
    #: many files pauses for less.
    quiet_ms: int = 500
    #: Never wait longer than this while changes keep coming.
    longest_wait_ms: int = 10_000
    #: How often to look whether to stop watching.
    look_up_ms: int = 250
    #: Seconds between two looks through a folder that the kernel watches, should it have missed
    #: something, and through one that it cannot watch: 100,000 files take half a second.
    rescan: float = 600.0
    look_through: float = 5.0
    #: Seconds until a rebuild that failed is tried again, doubled each time, and the most.
    first_pause: float = 2.0
    longest_pause: float = 60.0


TUNING = Tuning()
