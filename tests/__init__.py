"""The tests of storydex."""
