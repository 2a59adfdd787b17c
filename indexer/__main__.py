"""`python -m indexer`: the same as `storydex`; layer 13."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="storydex")
