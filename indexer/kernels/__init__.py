"""What compiled loops are made of: how to compile, tables of arrays, bits, positions, postings."""
