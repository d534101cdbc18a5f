"""The machine and its operating system: processors, signals, files, compiled kernels, what is installed."""
