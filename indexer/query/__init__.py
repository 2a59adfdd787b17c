"""What a person typed, as a query tree."""
