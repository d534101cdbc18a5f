"""Matches in the browser."""
