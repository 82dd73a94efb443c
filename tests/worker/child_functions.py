"""What the children of the tests do: module-level functions that a fresh process can import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from core.errors import DataError, MethodNotAllowed

Send = Callable[[Any], None]


def echo(payload: Any, send: Send) -> Any:
    return payload


def count(payload: int, send: Send) -> str:
    for number in range(payload):
        send(number)
    return "counted"


def make_bytes(payload: int, send: Send) -> bytes:
    return bytes(payload)


def describe_itself(payload: Any, send: Send) -> dict[str, Any]:
    import joblib
    from threadpoolctl import threadpool_info

    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "sklearn_loaded": "sklearn.ensemble" in sys.modules,
        "sigint": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "threads": {pool["user_api"]: pool["num_threads"] for pool in threadpool_info()},
        "jobs": joblib.effective_n_jobs(-1),
        "variable": os.environ.get("REFIT_TEST_VARIABLE"),
    }


def raise_data_error(payload: Any, send: Send) -> None:
    raise DataError("No column x.", hint="Add it.", errors=[{"column": "x"}])


def raise_method_not_allowed(payload: Any, send: Send) -> None:
    raise MethodNotAllowed("Use POST.", allow="POST")


def raise_key_error(payload: Any, send: Send) -> None:
    raise KeyError("no such thing")


def return_what_no_pickle_takes(payload: Any, send: Send) -> Any:
    return lambda: None


def leave(payload: int, send: Send) -> None:
    os._exit(payload)


def exit_politely(payload: int, send: Send) -> None:
    sys.exit(payload)


def die_by(payload: int, send: Send) -> None:
    os.kill(os.getpid(), payload)
    time.sleep(60)


def take_memory(payload: int, send: Send) -> int:
    """Take ``payload`` MiB, ten at a time, and touch it."""
    import numpy as np

    parts = [np.ones(10 * 131_072) for _ in range(payload // 10)]
    return len(parts)


def sleep_in_c(payload: float, send: Send) -> None:
    """Hold the GIL for minutes, as a long fit may: only the kernel can end this."""
    send(os.getpid())
    sum(range(100_000_000_000))


def start_another(payload: Any, send: Send) -> None:
    other = subprocess.Popen(["sleep", "60"])
    send(other.pid)
    time.sleep(60)


def start_another_and_leave(payload: Any, send: Send) -> None:
    send(subprocess.Popen(["sleep", "60"]).pid)
    time.sleep(0.2)
    os._exit(3)


def fit_boosting(payload: int, send: Send) -> list[float]:
    """Run OpenMP: a fork after this would hang."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(payload)
    features = rng.normal(size=(2_000, 4))
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    model.fit(features, features[:, 0] > 0)
    return [float(value) for value in model.predict_proba(features[:3])[:, 1]]


def fit_and_hash(payload: Any, send: Send) -> str:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    from core.artifacts import content_hash, serialise

    features = np.random.default_rng(1).normal(size=(500, 3))
    model = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    return content_hash(serialise(model.fit(features, features[:, 0] > 0)))


def report_and_wait(payload: Any, send: Send) -> None:
    send((os.getpid(), os.getppid()))
    sum(range(100_000_000_000))
