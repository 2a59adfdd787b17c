"""What all segments of an index have in common."""

from __future__ import annotations

from typing import NamedTuple

from ..ranking import Averages


class Basis(NamedTuple):
    """Found out from the first stories, and kept until the index is built anew.

    averages: what lengths are divided by; dictionary: what stored stories are compressed with
    """

    averages: Averages
    dictionary: bytes
