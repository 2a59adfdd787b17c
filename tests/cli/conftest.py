"""Running the command, in this process, in one of its own and on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.cli import main
from tests.conftest import ROOT, write_story

ESCAPES = re.compile("\x1b\\[[0-9;]*m")


def storydex(*arguments: str | Path, **environment: str) -> Result:
    """Run the command in this process."""
    env = {"STORYDEX_INDEX": None, **environment}
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)


def start(*arguments: str | Path, **options) -> subprocess.Popen[str]:
    """Start the command as a process of its own, with pipes for its streams."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    return subprocess.Popen(command, **{"cwd": ROOT, **streams, **options})


def run(*arguments: str | Path, **options) -> tuple[int, str, str]:
    """Run the command as a process of its own; returns status, output and messages."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A folder of three good stories."""
    folder = tmp_path / "stories"
    for number in range(3):
        write_story(folder, f"{number}.md", title=f"Azure number {number}", quality=number)
    return folder


@pytest.fixture
def index(tmp_path: Path, seeds: Path) -> Path:
    """An index of them."""
    folder = tmp_path / "made"
    assert storydex("--index", folder, "rebuild", seeds).exit_code == 0
    return folder


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """Run the command with all its streams on a terminal; returns what that shows."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **environment}
    env = {name: value for name, value in env.items() if value}
    process = start(*arguments, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not data:
            break
        shown += data
    os.close(master)
    assert process.wait(timeout=60) == 0
    return shown.decode()
