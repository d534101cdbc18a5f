"""Policies as OpenAI published them with its environments: `.npz` files of TensorFlow's variables."""

from evo_hns.policies.published.reader import PublishedPolicy, read_policy

__all__ = ["PublishedPolicy", "read_policy"]
