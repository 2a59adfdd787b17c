"""Real OpenSearch nodes on loopback, a process each, from Maven Central.

The files, 53 MB, are fetched once into a folder of the user's cache.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

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


def free_http_ports(count: int) -> list[int]:
    """Such ports among those that the runner lets a node have."""
    found = []
    for port in random.sample(range(9205, 9299), 94):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            found.append(port)
            if len(found) == count:
                break
    return found


class Node:
    """One node of a cluster, a process of its own."""

    def __init__(self, folder: Path, name: str, http: int, transport: int, heap: str) -> None:
        self.folder = folder / name
        self.name = name
        self.http = http
        self.transport = transport
        self._heap = heap
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
        }
        if self is seeds[0]:
            # One node founds the cluster; the others join it.
            settings["cluster.initial_cluster_manager_nodes"] = hosts[:1]
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        (home / "config" / "opensearch.yml").write_text(lines)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["java", f"-Xms{self._heap}", f"-Xmx{self._heap}", "-XX:+UseSerialGC",
                 "-XX:TieredStopAtLevel=1", "-cp", f"{library()}/*", RUNNER,
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

    def ask(self, path: str) -> dict:
        """What it answers; raises `OSError`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=5) as answer:
            return json.load(answer)

    def wait_for(self, nodes: int, seconds: float = 120) -> None:
        """Wait until it is one of so many nodes."""
        until = time.monotonic() + seconds
        while True:
            try:
                if self.ask("/_cluster/health")["number_of_nodes"] == nodes:
                    return
            except (OSError, ValueError):
                pass
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > until:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise TimeoutError(f"{self.name} is not one of {nodes} nodes: {log}")
            time.sleep(0.2)


def new_nodes(folder: Path, names: list[str], heap: str) -> list[Node]:
    """Nodes with ports of their own, not started yet."""
    ports = zip(names, free_http_ports(len(names)), strict=True)
    return [Node(folder, name, port, free_port(), heap) for name, port in ports]
