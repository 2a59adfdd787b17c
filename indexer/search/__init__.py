"""A query over one immutable generation: what matches, in which order, facets, completions."""
