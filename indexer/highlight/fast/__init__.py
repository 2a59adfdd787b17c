"""The same by compiled loops, for the stories of a page at once."""
