"""Style and types, so that one command checks everything, here and elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import NumpyVersion

ROOT = Path(__file__).parent.parent.parent


def check(*command: str) -> None:
    """Run a tool over the project; its findings become the failure's message."""
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_lint():
    """Ruff finds nothing."""
    pytest.importorskip("ruff")
    check("ruff", "check", "--no-cache", ".")


def test_format():
    """Every file is formatted as Ruff would."""
    pytest.importorskip("ruff")
    check("ruff", "format", "--no-cache", "--check", ".")


def test_types():
    """mypy, in strict mode, finds nothing."""
    pytest.importorskip("mypy")
    if NumpyVersion(np.__version__) < "2.4.0":  # all that there is for Python 3.10
        pytest.skip("the types of NumPy before 2.4 say less of the shapes of arrays")
    check("mypy", "--strict")
