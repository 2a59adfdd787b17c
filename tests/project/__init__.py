"""Tests of the project as a whole: imports, documents, style, safety."""
