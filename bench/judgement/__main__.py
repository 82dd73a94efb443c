"""Run every part of the judgement bench, or those that are named."""

from __future__ import annotations

import importlib
import sys

PARTS = (
    "false_alarms",
    "metrics_watched",
    "promotions",
    "unchanged",
    "drift",
    "label_free",
    "streams",
)


def main(names: list[str]) -> int:
    """1 when a goal is missed or a name is unknown."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
        return 1
    missed = 0
    for name in names or PARTS:
        print(f"--- {name}", flush=True)
        missed |= importlib.import_module(f"bench.judgement.{name}").main()
    return missed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
