"""Tests of the room `seeds`."""
