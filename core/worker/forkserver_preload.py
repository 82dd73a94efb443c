"""What the forkserver loads before it serves; nothing else may import this module.

Importing it has effects on purpose: multiprocessing offers no other place to run code in its
forkserver. See :mod:`core.worker.forkserver`.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal

from core.worker.lifeline import die_with_parent

# Every child compares its parent with this: the forkserver may die while it forks.
FORKSERVER_PID = os.getpid()

# What a training needs at once. Importing these starts no OpenMP team, after which a fork hangs.
_MODULES = (
    "core.artifacts",
    "core.engines.content_performance",
    "core.engines.continuous_learning",
    "core.engines.model_validation",
    "core.errors",
    "core.worker.operations",
    "core.worker.retraining",
    "joblib",
    "obstore.store",
    "pandas",
    "skops.io",
    "sklearn.calibration",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "threadpoolctl",
)

# The first line to run: from here on a worker that is killed takes the forkserver along.
die_with_parent()
# Ctrl-C and a service manager's SIGTERM go to the whole group; the worker alone decides.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _name in _MODULES:
    importlib.import_module(_name)
# Objects made so far live as long as the process: not touching them keeps their pages shared.
gc.freeze()
