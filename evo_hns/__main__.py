"""`python -m evo_hns` is the command `evo-hns`; ranks are started like this."""

import os

try:
    import signal
    import sys

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # until `interrupt` takes over: nothing has begun
except KeyboardInterrupt:
    os._exit(130)


def main() -> int:
    """Run one verb, as this process' own arguments say."""
    from evo_hns import cli

    code = cli.main()
    # Python gives signals back on its way out, and one that comes late would then be what the process ended with.
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(main())
