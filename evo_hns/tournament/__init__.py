"""Any players against any: who takes part, the schedule, the payoff table, and what it says."""
