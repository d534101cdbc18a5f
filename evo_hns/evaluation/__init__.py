"""Who meets whom, what counts as good, and where matches run."""
