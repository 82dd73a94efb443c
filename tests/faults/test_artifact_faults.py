"""A store of artifacts that is full, closed or damaged: the job says so, the champion stays."""

from __future__ import annotations

import resource
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from uuid import UUID

import pytest
from moto.server import ThreadedMotoServer

from tests.faults.processes import descendants
from tests.faults.stages import model_type_for
from tests.worker.lab import DAY, Lab, Row, RunningWorker

DISK_KIB = 256
QUOTA_BYTES = 512  # for each file: less than any artifact
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTACCESSKEY",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-no-message-may-show",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def champion_of(lab: Lab, name: str) -> Row:
    """The one that serves, with newer rows that would make another model."""
    champion = lab.champion(name)
    lab.add_rows(lab.table_of(name), 100, over=DAY)
    return champion


def assert_failed_with(lab: Lab, name: str, job: Row, champion: Row, *reasons: str) -> None:
    assert (job["status"], job["attempt"], job["error"]["type"]) == ("failed", 1, "artifact"), job
    for reason in reasons:
        assert reason in job["error"]["detail"]
    assert lab.alerts(name)["training_failure"] == job["error"]["detail"]
    assert lab.champion(name)["id"] == champion["id"]


# Full ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of its own in the folder; False where this system lets nobody mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(folder)]
    mounted = (
        bool(which("mount"))
        and not subprocess.run(mount, check=False, capture_output=True).returncode
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    filling = folder / "filling"
    with filling.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
    yield
    filling.unlink()


@contextmanager
def quota(worker: RunningWorker) -> Iterator[None]:
    """No file of a training may grow beyond a few bytes."""
    below = descendants(worker.process.pid)
    before = {
        pid: resource.prlimit(pid, resource.RLIMIT_FSIZE, (QUOTA_BYTES, resource.RLIM_INFINITY))
        for pid in below
    }
    yield
    for pid, limits in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_fails_the_job_and_the_next_one_finds_room(lab: Lab, tmp_path: Path) -> None:
    folder = Path(lab.artifacts_url.removeprefix("file://"))
    name = model_type_for(lab, "load")
    with small_disk(folder) as mounted, lab.worker(tmp_path) as worker:
        champion = champion_of(lab, name)
        reason = "No space left on device" if mounted else "File too large"
        with filled(folder) if mounted else quota(worker):
            job = lab.retrain(name, force=True)
            assert_failed_with(lab, name, job, champion, "could not be written", reason)
            assert lab.check(name)["status"] == "succeeded"  # it serves all the same
        again = lab.retrain(name, force=True)

        assert [m["version"] for m in lab.store.list_models(model_type=name)["items"]] == [2, 1]
        assert again["status"] == "succeeded"
        assert "training_failure" not in lab.alerts(name)


# Closed --------------------------------------------------------------------------------------


def test_a_folder_that_lets_nobody_in_fails_the_job(lab: Lab, tmp_path: Path) -> None:
    folder = Path(lab.artifacts_url.removeprefix("file://"))
    aside = folder.with_name("aside")
    name = model_type_for(lab, "load")
    with lab.worker(tmp_path):
        champion = champion_of(lab, name)
        # What was the folder is a file now: not even root gets in.
        folder.rename(aside)
        folder.touch()
        job = lab.retrain(name, force=True)
        folder.unlink()
        aside.rename(folder)
        stayed = lab.champion(name)
        again = lab.retrain(name, force=True)

    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert job["error"]["type"] == "configuration"
    assert f"The artifact folder {folder} cannot be made" in job["error"]["detail"]
    assert stayed["id"] == champion["id"]
    assert again["status"] == "succeeded"


@pytest.fixture
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    ask(address, "/models", "PUT")
    yield address
    ask(address, "/moto-api/reset-auth", "POST", b"inf")
    server.stop()


def ask(address: str, path: str, method: str, data: bytes | None = None) -> None:
    request = urllib.request.Request(
        address + path, data=data, method=method, headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).close()


def test_a_bucket_that_refuses_the_key_fails_the_job(lab: Lab, s3: str, tmp_path: Path) -> None:
    name = model_type_for(lab, "load")
    with lab.worker(
        tmp_path, REFIT_ARTIFACTS_URL="s3://models/refit", REFIT_S3_ENDPOINT_URL=s3, **AWS
    ) as worker:
        champion = champion_of(lab, name)
        ask(s3, "/moto-api/reset-auth", "POST", b"0")  # from now on it wants a key that it knows
        job = lab.retrain(name, force=True)

    assert_failed_with(lab, name, job, champion, "PermissionDeniedError, 403")
    assert AWS["AWS_SECRET_ACCESS_KEY"] not in str(job)
    assert AWS["AWS_SECRET_ACCESS_KEY"] not in worker.log


# Damaged -------------------------------------------------------------------------------------


def test_a_damaged_challenger_does_not_become_champion(lab: Lab, tmp_path: Path) -> None:
    name = model_type_for(lab, "load")
    with lab.worker(tmp_path):
        champion = champion_of(lab, name)
        challenger = lab.retrain(name, force=True, auto_deploy=False)
        model = lab.model(challenger["result"]["model_id"])
        file = lab.artifact_file(model["final_artifact_hash"] or model["artifact_hash"])
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)

        operation = lab.deploy(model_ids=[UUID(str(model["id"]))], force=True)

    assert (operation["status"], operation["error"]["type"]) == ("failed", "artifact")
    assert "is damaged" in operation["error"]["detail"]
    assert lab.champion(name)["id"] == champion["id"]
