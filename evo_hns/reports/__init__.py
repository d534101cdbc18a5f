"""The page of a run: one HTML file that tells all of it to someone who was not there."""
