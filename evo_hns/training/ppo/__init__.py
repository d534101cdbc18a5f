"""What evolution is compared with: PPO by self-play, from a library that many know."""
