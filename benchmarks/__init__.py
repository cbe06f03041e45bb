"""Speed and memory, measured against everyone, on this machine: `python -m benchmarks`."""
