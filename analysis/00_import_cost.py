"""What `import surrogate_nas` costs on top of `import numpy`.

Protocol: fresh processes, each timing three steps one after the other from inside: `import numpy`, then
`import surrogate_nas`, then the first use of a name. What numpy has already loaded is not loaded again, so the second
step is what the package adds, without the noise of subtracting two processes. One uncounted round first, for the
file cache; median and range of 15 rounds. Goal: the second step takes at most 50 ms.

    python analysis/00_import_cost.py
"""

import json
import statistics
import subprocess
import sys

ROUNDS = 15
GOAL_MS = 50.0
STEPS = ("import numpy", "import surrogate_nas", "surrogate_nas.list_spaces()")
CODE = """
import json, sys, time
times = []
for step in json.loads(sys.argv[1]):
    start = time.perf_counter()
    exec(step)
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps(times))
"""


def one_round() -> list[float]:
    """Time of each step in one fresh process, in ms."""
    command = [sys.executable, "-c", CODE, json.dumps(STEPS)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure and print."""
    rounds = [one_round() for _ in range(ROUNDS + 1)][1:]
    for step, times in zip(STEPS, zip(*rounds, strict=True), strict=True):
        print(f"{step:<28} median {statistics.median(times):7.1f} ms   range {min(times):.1f} to {max(times):.1f} ms")
    added = statistics.median(times[1] for times in rounds)
    verdict = "reached" if added <= GOAL_MS else "missed"
    print(f"added to import numpy: {added:.1f} ms, goal at most {GOAL_MS:.0f} ms: {verdict}")


if __name__ == "__main__":
    main()
