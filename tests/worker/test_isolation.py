from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError, JobCancelled, MethodNotAllowed, TrainingFailed
from core.worker import child
from core.worker.isolation import Limits, run_in_child, start_forkserver
from tests.worker import child_functions as work

ROOT = Path(__file__).parents[2]
LIMITS = Limits(time_limit_s=60, memory_limit_mb=1024, threads=2)


def ignore(message: Any) -> None:
    """A caller that does not care for messages."""


def run(
    function: Callable[..., Any],
    payload: Any = None,
    *,
    limits: Limits = LIMITS,
    on_message: Callable[[Any], None] = ignore,
    on_tick: Callable[[], None] = lambda: None,
    tick_s: float = 0.1,
) -> Any:
    return run_in_child(
        function, payload, limits=limits, on_message=on_message, on_tick=on_tick, tick_s=tick_s
    )


def is_running(pid: int) -> bool:
    """Whether the process still does anything: a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(*pids: int, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while left := [pid for pid in pids if is_running(pid)]:
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f"still running: {left}")
        time.sleep(0.02)


def children_of(parent: int) -> set[int]:
    pids = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent:
            pids.add(int(stat.parent.name))
    return pids


@pytest.fixture(autouse=True)
def forkserver_without_children() -> Any:
    """After every outcome the forkserver has no child left, not even an unreaped one."""
    forkserver = run(work.describe_itself)["parent"]
    yield forkserver
    assert not children_of(forkserver)


def test_the_result_comes_back() -> None:
    payload = {"rows": [1, 2, 3], "name": "x"}

    assert run(work.echo, payload) == payload


def test_messages_arrive_in_order_before_the_result() -> None:
    messages: list[int] = []

    assert run(work.count, 2_000, on_message=messages.append) == "counted"
    assert messages == list(range(2_000))


def test_a_large_payload_and_a_large_result_pass() -> None:
    payload = os.urandom(50_000_000)

    assert run(work.echo, payload) == payload


def test_ticks_go_on_while_a_child_works() -> None:
    times: list[float] = []

    with pytest.raises(TrainingFailed):
        run(
            work.sleep_in_c,
            limits=Limits(time_limit_s=1.0, memory_limit_mb=512, threads=1),
            on_tick=lambda: times.append(time.monotonic()),
        )

    assert 5 <= len(times) <= 10


def test_a_child_is_warm_and_deaf_to_interrupts() -> None:
    described = run(work.describe_itself)

    assert described["sklearn_loaded"]
    assert described["parent"] not in {os.getpid(), described["pid"]}
    assert described["sigint"]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_child_uses_the_threads_it_was_given(threads: int) -> None:
    limits = Limits(time_limit_s=60, memory_limit_mb=1024, threads=threads)

    described = run(work.describe_itself, limits=limits)

    assert described["threads"] == {"openmp": threads, "blas": threads}
    assert described["jobs"] == min(threads, os.cpu_count() or 1)


def test_a_child_sees_the_parents_variables_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    start_forkserver()
    monkeypatch.setenv("REFIT_TEST_VARIABLE", "new")

    assert run(work.describe_itself)["variable"] == "new"


def test_openmp_works_in_a_child_after_another_child_ran_it() -> None:
    first = run(work.fit_boosting, 1)

    assert run(work.fit_boosting, 1) == first


def test_the_same_fit_has_the_same_hash_whatever_the_parents_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    first = run(work.fit_and_hash)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert run(work.fit_and_hash) == first


def test_children_of_two_threads_run_at_once() -> None:
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda seed=seed: results.append(run(work.fit_boosting, seed)))
        for seed in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(results) == 2


def test_an_error_of_ours_comes_back_with_its_fields() -> None:
    with pytest.raises(DataError) as caught:
        run(work.raise_data_error)

    assert caught.value.message == "No column x."
    assert caught.value.hint == "Add it."
    assert caught.value.errors == [{"column": "x"}]


def test_an_error_of_ours_with_arguments_of_its_own_comes_back() -> None:
    with pytest.raises(MethodNotAllowed, match=r"Use POST\.") as caught:
        run(work.raise_method_not_allowed)

    assert caught.value.allow == "POST"


def test_any_other_error_becomes_a_failed_training_with_its_traceback() -> None:
    with pytest.raises(TrainingFailed, match="KeyError: 'no such thing'") as caught:
        run(work.raise_key_error)

    assert caught.value.child_traceback is not None
    assert "in raise_key_error" in caught.value.child_traceback
    assert "Traceback" not in str(caught.value)


def test_a_result_that_no_pickle_takes_is_a_failed_training() -> None:
    with pytest.raises(TrainingFailed, match="pickle"):
        run(work.return_what_no_pickle_takes)


def test_a_polite_exit_is_a_failed_training() -> None:
    with pytest.raises(TrainingFailed, match="SystemExit: 0"):
        run(work.exit_politely, 0)


@pytest.mark.parametrize("code", [0, 7])
def test_a_child_that_leaves_without_a_result_is_a_failed_training(code: int) -> None:
    with pytest.raises(TrainingFailed, match=rf"exit code {code}\)"):
        run(work.leave, code)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS"])
def test_a_crash_names_its_signal(name: str) -> None:
    with pytest.raises(TrainingFailed, match=name):
        run(work.die_by, int(signal.Signals[name]))


def test_a_kill_from_outside_names_the_memory_limit() -> None:
    with pytest.raises(TrainingFailed, match=r"1024 MiB.*REFIT_TRAINING_MEMORY_LIMIT_MB"):
        run(work.die_by, int(signal.SIGKILL))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_leaves_signals_to_its_parent(number: signal.Signals) -> None:
    def signal_it(pid: int) -> None:
        os.kill(pid, number)

    with pytest.raises(TrainingFailed, match="REFIT_TRAINING_TIME_LIMIT_S"):
        run(
            work.sleep_in_c,
            limits=Limits(time_limit_s=0.5, memory_limit_mb=512, threads=1),
            on_message=signal_it,
        )


def test_the_time_limit_ends_a_child_that_holds_the_interpreter() -> None:
    pids: list[int] = []
    started = time.monotonic()

    with pytest.raises(TrainingFailed, match=r"longer than 0\.5 s.*REFIT_TRAINING_TIME_LIMIT_S"):
        run(
            work.sleep_in_c,
            limits=Limits(time_limit_s=0.5, memory_limit_mb=512, threads=1),
            on_message=pids.append,
        )

    assert time.monotonic() - started < 1.5
    assert not is_running(pids[0])


def test_the_memory_limit_ends_what_asks_for_more() -> None:
    limits = Limits(time_limit_s=60, memory_limit_mb=256, threads=2)

    with pytest.raises(TrainingFailed, match=r"256 MiB.*REFIT_TRAINING_MEMORY_LIMIT_MB") as caught:
        run(work.take_memory, 400, limits=limits)

    assert caught.value.child_traceback is not None
    assert "MemoryError" in caught.value.child_traceback


def test_the_memory_limit_leaves_what_it_grants() -> None:
    limits = Limits(time_limit_s=60, memory_limit_mb=256, threads=2)

    assert run(work.take_memory, 200, limits=limits) == 20
    assert len(run(work.fit_boosting, 1, limits=limits)) == 3


def test_a_result_over_the_memory_limit_is_told_as_such() -> None:
    limits = Limits(time_limit_s=60, memory_limit_mb=256, threads=2)

    with pytest.raises(TrainingFailed, match="REFIT_TRAINING_MEMORY_LIMIT_MB"):
        run(work.make_bytes, 200 * 1024 * 1024, limits=limits)


def test_a_tick_that_raises_kills_the_child_within_a_second() -> None:
    pids: list[int] = []
    raised_at: list[float] = []

    def cancel_once_it_runs() -> None:
        if pids:
            raised_at.append(time.monotonic())
            raise JobCancelled("Somebody asked for it.")

    with pytest.raises(JobCancelled, match="Somebody asked"):
        run(work.sleep_in_c, on_message=pids.append, on_tick=cancel_once_it_runs)

    assert time.monotonic() - raised_at[0] < 1
    assert not is_running(pids[0])


def test_a_message_handler_that_raises_ends_the_child() -> None:
    pids: list[int] = []

    def refuse(pid: int) -> None:
        pids.append(pid)
        raise DataError("I do not like this message.")

    with pytest.raises(DataError, match="do not like"):
        run(work.sleep_in_c, on_message=refuse)

    assert not is_running(pids[0])


def test_what_a_child_started_is_killed_with_it() -> None:
    pids: list[int] = []

    with pytest.raises(TrainingFailed):
        run(
            work.start_another,
            limits=Limits(time_limit_s=0.5, memory_limit_mb=512, threads=1),
            on_message=pids.append,
        )

    wait_until_gone(*pids, within_s=1)


def test_what_a_child_started_is_killed_after_it_left() -> None:
    pids: list[int] = []

    with pytest.raises(TrainingFailed, match="exit code 3"):
        run(work.start_another_and_leave, on_message=pids.append)

    wait_until_gone(*pids, within_s=1)


def test_starting_the_forkserver_again_does_nothing(forkserver_without_children: int) -> None:
    start_forkserver()

    assert run(work.describe_itself)["parent"] == forkserver_without_children


def test_a_forkserver_that_was_killed_is_replaced(forkserver_without_children: int) -> None:
    os.kill(forkserver_without_children, signal.SIGKILL)
    wait_until_gone(forkserver_without_children, within_s=1)

    described = run(work.describe_itself)

    assert described["parent"] != forkserver_without_children
    assert described["sklearn_loaded"]


def test_a_forkserver_started_from_a_thread_outlives_it() -> None:
    parents: list[int] = []
    for _ in range(2):
        thread = threading.Thread(
            target=lambda: parents.append(run(work.describe_itself)["parent"])
        )
        thread.start()
        thread.join(30)
        time.sleep(0.1)

    assert parents[0] == parents[1]
    assert is_running(parents[0])


WORKER = """
import threading
from pathlib import Path
from core.worker.isolation import Limits, run_in_child, start_forkserver
from tests.worker import child_functions

with Path("imported").open("a") as file:
    file.write("once more\\n")

def work():
    run_in_child(
        child_functions.report_and_wait,
        None,
        limits=Limits(time_limit_s=60, memory_limit_mb=512, threads=1),
        on_message=lambda message: print(*message, flush=True),
        on_tick=lambda: None,
    )

if __name__ == "__main__":
    start_forkserver()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join({join_s})
"""


def start_worker(folder: Path, *, join_s: float) -> tuple[subprocess.Popen[str], int, int]:
    """A ``python -m`` worker with a child that holds the interpreter; child and forkserver pids."""
    package = folder / "a_worker"
    package.mkdir()
    (package / "__main__.py").write_text(WORKER.replace("{join_s}", str(join_s)))
    worker = subprocess.Popen(
        [sys.executable, "-m", "a_worker"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    child, forkserver = map(int, worker.stdout.readline().split())
    assert is_running(child)
    assert is_running(forkserver)
    return worker, child, forkserver


def test_a_worker_killed_hard_leaves_neither_forkserver_nor_child(tmp_path: Path) -> None:
    worker, child, forkserver = start_worker(tmp_path, join_s=60)
    helpers = children_of(worker.pid) - {forkserver}

    with worker:
        worker.kill()

    wait_until_gone(child, forkserver, *helpers, within_s=2)


def test_a_child_never_imports_the_workers_main_module(tmp_path: Path) -> None:
    worker, child, forkserver = start_worker(tmp_path, join_s=60)

    with worker:
        worker.kill()

    wait_until_gone(child, forkserver, within_s=2)
    assert (tmp_path / "imported").read_text() == "once more\n"


def test_a_worker_that_ends_in_the_middle_leaves_nothing_and_does_not_hang(tmp_path: Path) -> None:
    worker, child, forkserver = start_worker(tmp_path, join_s=0.5)

    with worker:
        assert worker.wait(5) == 0

    wait_until_gone(child, forkserver, within_s=2)


def test_a_forkserver_that_cannot_load_refit_is_an_error_that_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "core"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('not this one')")
    # The worker finds Refit where the forkserver, which starts from the environment, does not.
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from core.worker.isolation import start_forkserver\n"
        "start_forkserver()\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert result.returncode == 1
    assert "The forkserver could not load Refit's package." in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(("own", "then"), [(0, 500), (700, 700)])
def test_a_child_is_never_less_ready_to_be_killed_than_its_worker(own: int, then: int) -> None:
    code = (
        "from pathlib import Path\n"
        "from core.worker.child import _offer_to_oom_killer\n"
        "file = Path('/proc/self/oom_score_adj')\n"
        f"file.write_text('{own}')\n"
        "_offer_to_oom_killer()\n"
        "print(file.read_text())"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert int(ended.stdout) == then


def test_a_system_that_does_not_let_it_be_set_lets_it_train(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: Any, **changes: Any) -> int:
        raise PermissionError("read-only /proc")

    monkeypatch.setattr(Path, "write_text", refuse)

    child._offer_to_oom_killer()
