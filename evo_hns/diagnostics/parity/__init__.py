"""The game against recordings of the original."""
