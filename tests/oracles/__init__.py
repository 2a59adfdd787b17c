"""Slow and plain ways to the right answer, independent of the code under test."""
