"""The command `evo-hns`: words in, one library call, words out."""

from evo_hns.cli.command import main

__all__ = ["main"]
