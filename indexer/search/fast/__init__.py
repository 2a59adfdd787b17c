"""The same by compiled loops; `plain` in the package above is what they are measured against."""
