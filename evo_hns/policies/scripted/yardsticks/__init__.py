"""Yardsticks of the quadrant game: scripted players that show a stage, most of which read the simulator's state."""
