"""The verbs of `evo-hns`, a file each."""
