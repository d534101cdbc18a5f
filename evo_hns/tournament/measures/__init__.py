"""Questions asked of a tournament's table of payoffs, one in each file; each says what its figures are."""
