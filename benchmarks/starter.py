"""Starts the commands that are measured, as a small process of its own: `python -I -S starter.py`.

A process counts as its peak also the memory that it shares with whoever started it, until it executes its file. So
nothing that is measured is started by the runner, which is large. A request is a line of JSON on standard input:
`[argv, cwd, environment, output]`; the answer one on standard output: `[seconds, exit code, peak in KiB]`.
"""

import json
import os
import sys
import time


def serve() -> None:
    """Answer requests until there are none."""
    for line in sys.stdin:
        argv, cwd, environment, output = json.loads(line)
        try:
            answer = measured(argv, cwd, environment, output)
        except OSError as error:
            print(error, file=sys.stderr)
            answer = 0.0, 127, 0  # as a shell says it of a command that cannot be started
        print(json.dumps(answer), flush=True)


def measured(argv: list[str], cwd: str, environment: dict[str, str], output: str) -> tuple[float, int, int]:
    """Run one command: seconds of wall clock, exit code (negative for a signal), peak in KiB."""
    os.chdir(cwd)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_TRUNC, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    start = time.perf_counter()
    process = os.posix_spawnp(argv[0], argv, environment, file_actions=files)
    _, status, usage = os.wait4(process, 0)
    return time.perf_counter() - start, os.waitstatus_to_exitcode(status), usage.ru_maxrss


if __name__ == "__main__":
    serve()
