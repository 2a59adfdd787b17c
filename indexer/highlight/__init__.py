"""Hits that read themselves: their texts, what of a query stands where in them, as HTML."""
