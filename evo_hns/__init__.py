"""Hide-and-seek that evolves: populations of small networks for both sides, on the game of Baker et al. 2020."""
