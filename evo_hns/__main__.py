"""`python -m evo_hns` is the command `evo-hns`; ranks are started like this."""

import signal
import sys

from evo_hns.cli import main

if __name__ == "__main__":
    code = main()
    # Python gives signals back on its way out, and one that comes late would then be what the process ended with.
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, signal.SIG_IGN)
    sys.exit(code)
