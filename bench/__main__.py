"""Run every bench, or those that are named: ``python -m bench [read] [retrain] …``."""

from __future__ import annotations

import sys

from bench import dashboard, http, idle, jobs, read, retrain, summaries

BENCHES = {
    "read": read.main,
    "retrain": retrain.main,
    "idle": idle.main,
    "http": http.main,
    "jobs": jobs.main,
    "summaries": summaries.main,
    "dashboard": dashboard.main,
}


def main(names: list[str]) -> int:
    """1 when a goal is missed or a name is unknown."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 1
    missed = 0
    for name in names or list(BENCHES):
        print(f"--- {name}")
        missed |= BENCHES[name]()
    return missed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
