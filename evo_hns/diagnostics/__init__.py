"""Is it right, how fast is it, what would change it: questions about the instrument."""
