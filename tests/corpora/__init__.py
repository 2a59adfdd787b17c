"""Invented stories and documents that several tests search."""
