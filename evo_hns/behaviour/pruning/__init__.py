"""How small can a strategy get? Weights are removed step by step, and what is left of its score is measured."""
