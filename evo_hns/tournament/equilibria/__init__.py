"""Equilibria of a payoff table: Nash, alpha-rank."""
