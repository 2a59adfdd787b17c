"""A folder of story files, as a new generation of the index."""
