"""Runs side by side: who learns faster, with what, at what cost, and who beats whom."""
