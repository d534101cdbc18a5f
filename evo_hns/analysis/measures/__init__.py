"""Questions asked of a tournament's table of payoffs, one in each file; formulas are in docs/measures.md."""
