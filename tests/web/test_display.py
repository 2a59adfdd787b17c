"""What stands on pages is escaped as markupsafe escapes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from web.display import escaped


class Shown:
    def __html__(self):
        return "<b>shown</b>"


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value", [Markup("<mark>a</mark>"), 7, 7.5, None, True, Shown(), Text("<i>"), ["<i>"]]
)
def test_escapes_what_is_no_text(value):
    """Markup and what has markup stay as they are, all else is escaped."""
    assert escaped(value) == escape(value)


@given(st.text())
def test_escapes_text(text):
    """Every text is as from `escape`, which is made for it."""
    assert escaped(text) == escape(text)
