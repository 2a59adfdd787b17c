"""What `plain` in the package above does, by compiled loops, which are proved equal to it."""
