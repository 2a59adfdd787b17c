"""A fast path gives what its plain definition gives."""
