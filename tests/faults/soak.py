"""The soak: `python -m tests.faults.soak [ROUNDS [SEED]]`, 100 rounds unless told otherwise.

In each round three commands start at once on one directory, and some are killed at a random moment. Of those that
meet, one runs and the others end with exit code 9; after each round every model is accounted for by content.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.world import World

ACTIVE = 9
EXPECTED = {0, 7, ACTIVE, -9}
"""Done; refused, as a rollback where nothing is in quarantine; met another run; killed."""


def start(world: World, command: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-B", "-m", "tests.faults.driver", str(world.path), command, *world.doomed]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE)


def one_round(world: World, dice: random.Random) -> list[int]:
    """Start three, kill some; their exit codes."""
    commands = dice.choices(["retain", "rollback", "recover", "apply"], weights=[10, 10, 2, 1], k=3)
    processes = [start(world, command) for command in commands]
    for process in processes:
        if dice.random() < 0.6:
            time.sleep(dice.uniform(0.0, 0.08))
            process.kill()
    codes = []
    for process in processes:
        _, said = process.communicate(timeout=60)
        codes.append(process.returncode)
        assert process.returncode in EXPECTED, said.decode()
    return codes


def main(rounds: int, seed: int) -> int:
    """Soak; the counts of exit codes go to standard output."""
    dice, codes = random.Random(seed), Counter[int]()
    with tempfile.TemporaryDirectory() as folder:
        world = World.make(Path(folder, "0"), doomed=40)
        for number in range(1, rounds + 1):
            codes.update(one_round(world, dice))
            world.recovers()
            if not any((world.path / name).exists() for name in world.doomed) and "purged" in world.account().values():
                world = World.make(Path(folder, str(number)), doomed=40)
    assert codes[ACTIVE], "no two commands ever met"
    print(f"{rounds} rounds, seed {seed}: nothing lost; exit codes {dict(sorted(codes.items()))}")  # noqa: T201  a program
    return 0


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    defaults = (100, random.randrange(10**6))
    sys.exit(main(*(numbers + list(defaults[len(numbers) :]))))
