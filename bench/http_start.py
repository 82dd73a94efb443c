"""The CPU of a fresh process of functions: import, and the first request that it answers.

Run as ``python -m bench.http_start SOURCE TARGET PATH [KEY]``; prints user and system seconds.
"""

from __future__ import annotations

import resource
import sys

from functions_framework import create_app


def main(arguments: list[str]) -> None:
    """Load the function as its server does, ask it once, print the CPU seconds so far."""
    source, target, path, *key = arguments
    client = create_app(target, source).test_client()  # type: ignore[no-untyped-call]
    answer = client.get(path, headers={"X-API-Key": key[0]} if key else {})
    assert answer.status_code == 200, answer.text
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main(sys.argv[1:])
