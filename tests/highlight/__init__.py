"""Tests of the room `highlight`."""
