"""Real OpenSearch nodes on loopback, a process each, from Maven Central.

The files, 53 MB, are fetched once into a folder of the user's cache.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

RUNNER = "org.codelibs.opensearch.runner.OpenSearchRunner"
POM = Path(__file__).parent / "pom.xml"


def missing() -> str | None:
    """Why there can be no nodes here; None if there can."""
    lacking = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if lacking:
        return f"no {' and no '.join(lacking)}: set OPENSEARCH_URL to use a cluster of your own"
    return None


def library() -> Path:
    """The folder of OpenSearch's files, fetched if they are not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "storydex-tests" / "opensearch-2.19.1"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder / "lib", ignore_errors=True)
            subprocess.run(
                ["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies",
                 f"-DoutputDirectory={folder / 'lib'}"],
                check=True, timeout=240,
            )  # fmt: skip
            (folder / "complete").touch()
    return folder / "lib"


def _end_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


#: Ports that the runner lets a node have, and those by which nodes talk with each other. The
#: system gives neither to others of itself, so a node that comes back finds its own free.
_HTTP, _TRANSPORT = range(9205, 9299), range(9305, 9399)
#: Files that keep other runs of the tests from taking the same ports, for as long as this one.
_HELD: list[ExitStack] = []


def take_ports(count: int, among: range) -> list[int]:
    """Ports that nobody listens on, and that no other run of the tests takes."""
    taken = []
    for port in among:
        with suppress(OSError), ExitStack() as kept:
            held = kept.enter_context(
                Path(tempfile.gettempdir(), f"storydex-test-port-{port}").open("a")
            )
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", port))
            taken.append(port)
            _HELD.append(kept.pop_all())
        if len(taken) == count:
            return taken
    raise OSError(f"no {count} ports from {among.start} to {among.stop - 1} are free")


#: Options of Java: for a node that starts soon and takes little, or one that is to be measured.
HURRIED = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
UNHURRIED = ("-XX:+UseG1GC",)


class Node:
    """One node of a cluster, a process of its own."""

    def __init__(
        self, folder: Path, name: str, http: int, transport: int, java: tuple[str, ...]
    ) -> None:
        self.folder = folder / name
        self.name = name
        self.http = http
        self.transport = transport
        self._java = java
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cluster: str, seeds: list[Node]) -> None:
        """Start it; returns at once."""
        home = self.folder / "node_1"
        (home / "config").mkdir(parents=True, exist_ok=True)
        hosts = [f"127.0.0.1:{node.transport}" for node in seeds]
        settings = {
            "cluster.name": cluster,
            "network.host": "127.0.0.1",
            "transport.port": self.transport,
            "discovery.seed_hosts": hosts,
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "cluster.fault_detection.leader_check.interval": "500ms",
            "cluster.fault_detection.follower_check.interval": "500ms",
            # What a search that a killed node had begun holds on others keeps them from taking
            # the shard again.
            "search.default_keep_alive": "10s",
            "search.keep_alive_interval": "1s",
        }
        if self is seeds[0]:
            # One node founds the cluster; the others join it.
            settings["cluster.initial_cluster_manager_nodes"] = hosts[:1]
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        (home / "config" / "opensearch.yml").write_text(lines)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["java", *self._java, "-cp", f"{library()}/*", RUNNER,
                 "-basePath", self.folder, "-clusterName", cluster, "-numOfNode", "1",
                 # To which the runner adds the number of the node, 1.
                 "-baseHttpPort", str(self.http - 1)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=_end_with_parent,
            )  # fmt: skip

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def ask(self, path: str, body: object = None) -> Any:
        """What it answers, to something put there if there is a body; raises `OSError`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="GET" if body is None else "PUT",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait_for(self, nodes: int, seconds: float = 120) -> None:
        """Wait until it is one of so many nodes."""

        def joined() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{self.name} has ended: {self._said()}")
            return bool(self.ask("/_cluster/health")["number_of_nodes"] == nodes)

        wait_until(
            joined, seconds, lambda: f"{self.name} is not one of {nodes} nodes: {self._said()}"
        )

    def wait_until_green(self, seconds: float = 90) -> None:
        """Wait until all copies of all shards are there."""

        def told() -> str:
            found = [f"{self.name} has shards that are not there"]
            with suppress(OSError):
                shards = self.ask("/_cat/shards?format=json")
                found += [str(shard) for shard in shards if shard["state"] != "STARTED"]
                found.append(str(self.ask("/_cluster/allocation/explain"))[:2000])
            return "; ".join(found)

        wait_until(lambda: self.ask("/_cluster/health")["status"] == "green", seconds, told)

    def _said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]


def wait_until(true: Callable[[], bool], seconds: float, told: Callable[[], str]) -> None:
    """Wait until something is true; raises `TimeoutError` with what is told, after so long."""
    until = time.monotonic() + seconds
    while True:
        with suppress(OSError, ValueError):
            if true():
                return
        if time.monotonic() > until:
            raise TimeoutError(f"after {seconds:.0f} s {told()}")
        time.sleep(0.2)


def new_nodes(
    folder: Path, names: list[str], heap: str, java: tuple[str, ...] = HURRIED
) -> list[Node]:
    """Nodes with ports of their own, not started yet."""
    options = (f"-Xms{heap}", f"-Xmx{heap}", *java)
    ports = zip(take_ports(len(names), _HTTP), take_ports(len(names), _TRANSPORT), strict=True)
    return [
        Node(folder, name, http, transport, options)
        for name, (http, transport) in zip(names, ports, strict=True)
    ]
