"""What of a query matches in a story, and its texts with those words marked."""
