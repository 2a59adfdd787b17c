"""Whether an index on a cluster is whole, and what was wrong with its story files."""

from __future__ import annotations

from ..generation.verify import DamagedFile, VerifyReport
from ..model import Problems
from .client import Cluster
from .location import Location
from .state import read_made_of, read_state


def verify(location: Location) -> VerifyReport:
    """See that all shards answer, and that they hold what was sent; raises `ClusterError`."""
    cluster = Cluster(location)
    state = read_state(cluster)
    client, both = cluster.client, f"{state.index},{state.words}"
    damaged = []
    shards = cluster.call(
        client.cat.shards, index=both, format="json", bytes="b", h="index,shard,prirep,state,store"
    )
    for shard in shards:
        if shard["prirep"] == "p" and shard["state"] != "STARTED":
            name = f"{shard['index']}, shard {shard['shard']}"
            damaged.append(DamagedFile(name, f"does not answer: {shard['state'].lower()}"))
    if not damaged:
        held = cluster.call(client.count, index=state.index)["count"]
        if held != state.meta.stories:
            reason = f"holds {held:,} stories, not {state.meta.stories:,}"
            damaged.append(DamagedFile(state.index, reason))
        sources, _ = read_made_of(cluster, state.words)
        if int(sources.indexed.sum()) != state.meta.stories:
            damaged.append(DamagedFile(state.words, "does not know all story files"))
    size = sum(int(shard["store"] or 0) for shard in shards)
    return VerifyReport(files=len(shards), bytes=size, damaged=tuple(damaged))


def read_problems(location: Location) -> Problems:
    """What was wrong with the files that the index is made of."""
    cluster = Cluster(location)
    return read_made_of(cluster, read_state(cluster).words)[1]
