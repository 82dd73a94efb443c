"""What runs inside a training child: its limits, the work, and what it tells its parent."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RefitError
from core.worker.lifeline import die_with_parent

if TYPE_CHECKING:
    from core.worker.isolation import Limits

# Each frame is its length in bytes, then a pickle of one of the records below.
FRAME_LENGTH = struct.Struct("!Q")
PRELOAD_MODULE = "core.worker.forkserver_preload"

_OOM_SCORE = 500  # of 1000

# What a child can do: (payload, send) → result.
Work = Callable[[Any, Callable[[Any], None]], Any]


@dataclass(frozen=True, kw_only=True)
class Message:
    """Progress, or whatever else the work wants its parent to know."""

    body: Any


@dataclass(frozen=True, kw_only=True)
class Returned:
    """The work is done."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Raised:
    """The work raised an error of ours, which the parent raises again."""

    error_class: type[RefitError]
    arguments: tuple[Any, ...]
    fields: Mapping[str, Any]

    def error(self) -> RefitError:
        """The error as it was; its class may want arguments that its fields already hold."""
        error = self.error_class.__new__(self.error_class, *self.arguments)
        error.__dict__.update(self.fields)
        return error


@dataclass(frozen=True, kw_only=True)
class Crashed:
    """The work raised anything else."""

    class_name: str
    message: str
    traceback_text: str
    out_of_memory: bool


Frame = Message | Returned | Raised | Crashed


def report_preload(writer: Connection) -> None:
    """Process target: tell the parent who the forkserver is and whether it loaded its modules."""
    writer.send((os.getppid(), PRELOAD_MODULE in sys.modules))


def main(writer: Connection, work: bytes, limits: Limits, environment: Mapping[str, str]) -> None:
    """Process target: do the pickled ``(function, payload)`` under the limits."""
    _tie_to_forkserver()
    # The forkserver's variables are those of its start; the parent's may have changed since.
    os.environ.clear()
    os.environ.update(environment)
    # A group of its own, so that one signal reaches whatever the work starts.
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # gigabytes that nobody would read
    channel = _Channel(writer)
    try:
        with _limited(limits):
            function, payload = pickle.loads(work)  # noqa: S301 - our own parent  # nosec B301
            value = function(payload, channel.send)
            channel.write(Returned(value=value))
    except BaseException as exc:  # noqa: BLE001 - every end is reported
        _lift_memory_limit()
        channel.write(_account(exc))


class _Channel:
    """The way to the parent; threads of the work may share it."""

    def __init__(self, writer: Connection) -> None:
        self._writer = writer  # kept: its descriptor closes with it
        self._lock = threading.Lock()

    def send(self, body: Any) -> None:
        self.write(Message(body=body))

    def write(self, frame: Frame) -> None:
        # The parent kills this process once it has the last frame: nothing may be left unsaid.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or none
                stream.flush()
        data = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            for part in (FRAME_LENGTH.pack(len(data)), data):
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(self._writer.fileno(), rest) :]


def _tie_to_forkserver() -> None:
    from core.worker import forkserver_preload

    die_with_parent()
    if os.getppid() != forkserver_preload.FORKSERVER_PID:
        os._exit(1)  # it died before the tie was made


@contextlib.contextmanager
def _limited(limits: Limits) -> Iterator[None]:
    import joblib
    from threadpoolctl import threadpool_limits

    # scikit-learn asks the variable and loaded libraries were asked before: both have to say it.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(limits.threads)
    os.environ["LOKY_MAX_CPU_COUNT"] = str(limits.threads)  # what n_jobs=-1 means
    if sys.platform == "linux":
        _limit_memory(limits.memory_limit_mb)
        _offer_to_oom_killer()
    # joblib's own processes would each have the memory limit anew; threads share this one.
    with joblib.parallel_config(backend="threading"), threadpool_limits(limits.threads):
        yield


def _limit_memory(limit_mb: int) -> None:
    """Bound what this process may allocate beyond what the forkserver had loaded already.

    RLIMIT_DATA, because since Linux 4.7 it counts what programs really ask for: the heap and
    private writable mappings. RLIMIT_AS also counts address space that is only reserved
    (hundreds of megabytes per BLAS or Arrow pool), and RLIMIT_RSS is not enforced at all.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    loaded_kb = int(status.split("VmData:")[1].split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = loaded_kb * 1024 + limit_mb * 1024 * 1024
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    # Only the soft limit, so that an error can still be told once it is reached.
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _offer_to_oom_killer() -> None:
    """Should the machine itself run out of memory, rather this process than the worker.

    Where the worker's own value is higher (a container's may be) it stays: to lower one takes a
    privilege. A system that does not let it be set is no reason not to train.
    """
    file = Path("/proc/self/oom_score_adj")
    with contextlib.suppress(OSError, ValueError):
        if int(file.read_text(encoding="ascii")) < _OOM_SCORE:
            file.write_text(str(_OOM_SCORE), encoding="ascii")


def _lift_memory_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _account(error: BaseException) -> Raised | Crashed:
    if isinstance(error, RefitError):
        raised = Raised(error_class=type(error), arguments=error.args, fields=vars(error))
        with contextlib.suppress(Exception):  # a field that no pickle takes: told as text then
            pickle.dumps(raised)
            return raised
    return Crashed(
        class_name=type(error).__qualname__,
        message=str(error),
        traceback_text="".join(traceback.format_exception(error)),
        out_of_memory=isinstance(error, MemoryError),
    )
