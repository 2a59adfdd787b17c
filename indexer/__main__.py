"""`python -m indexer`: the same as `storydex`."""

from storydex_command import main

if __name__ == "__main__":
    main()
