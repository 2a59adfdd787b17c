"""An index on an OpenSearch cluster, asked for real."""
