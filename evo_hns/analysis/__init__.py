"""Questions asked of a game or of a finished run, one per file."""
