"""What compiled loops are made of: how to compile, tables of arrays, bits, BM25, galloping."""
