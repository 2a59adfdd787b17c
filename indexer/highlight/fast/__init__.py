"""What `explain` and `html` above do, by compiled loops that explain a page of stories at once."""
