"""Real OpenSearch nodes on loopback, a process each, from Maven Central.

The files, 53 MB, are fetched once into a folder of the user's cache.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
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


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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
            "http.port": self.http,
            "transport.port": self.transport,
            "discovery.seed_hosts": hosts,
            "cluster.initial_cluster_manager_nodes": hosts,
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "cluster.fault_detection.leader_check.interval": "500ms",
            "cluster.fault_detection.follower_check.interval": "500ms",
        }
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        (home / "config" / "opensearch.yml").write_text(lines)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["java", f"-Xms{self._heap}", f"-Xmx{self._heap}", "-XX:+UseSerialGC",
                 "-XX:TieredStopAtLevel=1", "-cp", f"{library()}/*", RUNNER,
                 "-basePath", self.folder, "-clusterName", cluster, "-numOfNode", "1"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
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
            if time.monotonic() > until:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise TimeoutError(f"{self.name} is not one of {nodes} nodes: {log}")
            time.sleep(0.2)


def new_nodes(folder: Path, names: list[str], heap: str) -> list[Node]:
    """Nodes with ports of their own, not started yet."""
    return [Node(folder, name, free_port(), free_port(), heap) for name in names]
