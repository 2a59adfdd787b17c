"""Tests of the room `build`."""
