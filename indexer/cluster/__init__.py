"""The same search on an OpenSearch cluster: a document a story, its articles nested in it."""
