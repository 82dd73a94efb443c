"""Engines that linger where a test wants to meet them, and such as never behave."""

from __future__ import annotations

from pathlib import Path

LINGERS_IN_TRAINING = "faulty_engines:make_slow_to_train"
LINGERS_IN_STORING = "faulty_engines:make_slow_to_store"
NEVER_ENDS = "faulty_engines:make_endless"
EATS_MEMORY = "faulty_engines:make_greedy"

_ENGINES = (LINGERS_IN_TRAINING, LINGERS_IN_STORING, NEVER_ENDS, EATS_MEMORY)
_TYPES = "faulty_engines.SlowToStore"

# What lingers does so while the file that GATE names is there; without GATE it never does. So one
# worker hangs in a stage, and another one does the same job as any other.
_SOURCE = '''
import os
import time
from pathlib import Path

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def linger():
    gate = os.environ.get("GATE")
    while gate and Path(gate).exists():
        time.sleep(0.02)


class SlowToStore(LogisticRegression):
    """Lingers where it is turned into bytes: right after its training."""

    def __getstate__(self):
        linger()
        return super().__getstate__()


def _pipeline(classifier):
    return make_pipeline(make_column_transformer(("passthrough", ["size"])), classifier)


def make_slow_to_train():
    linger()
    return _pipeline(LogisticRegression())


def make_slow_to_store():
    return _pipeline(SlowToStore())


def make_endless():
    sum(range(10**12))  # without letting go of the interpreter, as a long fit may


def make_greedy():
    return [np.ones(1_310_720) for _ in range(10**6)]  # 10 MiB each, touched
'''


def write_engines(folder: Path) -> dict[str, str]:
    """Write the module into a folder; gives the variables of a worker that may use it."""
    (folder / "faulty_engines.py").write_text(_SOURCE)
    return {
        "PYTHONPATH": str(folder),
        "REFIT_ENGINES": ",".join(_ENGINES),
        "REFIT_TRUSTED_TYPES": _TYPES,
    }
