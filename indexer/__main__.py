"""`python -m indexer`: the same as `storydex`."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="storydex")
