"""What is on the disk and which of it counts: manifest, sources, lock, open, publish, verify."""
