"""Players by address, and what two of them do: play, be recorded, be replayed."""
