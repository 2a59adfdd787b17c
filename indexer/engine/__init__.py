"""The embeddable engine: what it does, and the one over an index folder."""

from .local import COMPILED, PLAIN_ONLY, LocalEngine
from .protocol import Engine, as_request

__all__ = ["COMPILED", "PLAIN_ONLY", "Engine", "LocalEngine", "as_request"]
