"""Matches as films and stills."""
