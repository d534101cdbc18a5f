"""What a strategy does and what it is made of: stages of emergence, prunable weights."""
