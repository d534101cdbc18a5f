"""A comparison as a page and as a table."""
