"""`python -m evo_hns` is the command `evo-hns`."""

import sys

from evo_hns.cli import main

if __name__ == "__main__":
    sys.exit(main())
