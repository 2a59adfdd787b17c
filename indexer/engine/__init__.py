"""The embeddable engine: what it does, and the one over an index folder."""

from .base import Engine, View
from .local import COMPILED, PLAIN_ONLY, LocalEngine

__all__ = ["COMPILED", "PLAIN_ONLY", "Engine", "LocalEngine", "View"]
