"""The dashboard's first page, where 10,000 jobs and 1,000,000 checks are kept.

Run it with ``python -m bench dashboard``. There are 200 model types, all with a model in use; the
page shows twelve of them, each with its last checks, beside the newest jobs and the open alerts.
Served by functions-framework as in production, on the embedded PostgreSQL, to the system's headless
Chromium on the same machine. Each visit is a fresh browser context, so that nothing comes from its
cache: bytes are those of all answers together with their headers, first paint is the browser's own
``first-contentful-paint``. The server's time is that of whole requests over one connection; the
read's is its SQL function's, the trip to the database included.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Browser, sync_playwright

from bench.http import MAIN, serving
from bench.summaries import prepare
from core.database import PostgresDatabase
from core.domain import Role
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from core.keys import hash_key, make_key
from core.store import LOCAL_ADMIN, Store

CHECKS = 1_000_000
JOBS = 10_000
VISITS = 9
REQUESTS = 50
WANTED_BYTES = 60_000
WANTED_PAINT_MS = 1000.0
PAGE = "/en/ml-training"

# What people gave their models, and what serves: by the database itself, past Refit's functions.
_SERVING = """
    set local session_replication_role = 'replica';
    update public.ml_model_types set
        title = 'Prediction of ' || name,
        description = 'Which of the cases of ' || name || ' will turn out well, a week ahead.';
    insert into public.ml_model_deployments (
        id, model_id, model_type, environment, serves, artifact_hash, cutoff, reference,
        deployed_by, valid_from
    )
    select distinct on (m.model_type)
        -- The deployment that the generated checks name.
        md5((substr(m.model_type, 6)::integer - 1)::text)::uuid, m.id, m.model_type, 'production',
        'approved_fit', m.artifact_hash, m.window_end,
        '{"metric": "accuracy", "value": 0.8, "samples": 600}',
        '{"kind": "system", "id": "bench", "name": "bench", "role": "admin"}', m.created_at
    from public.ml_models as m
    order by m.model_type, m.version desc;
    insert into public.ml_retraining_schedules (model_type, environment, kind, cron, next_run_at)
    select name, 'production', 'performance_check', '0 */4 * * *', now() + interval '1 hour'
    from public.ml_model_types;
    insert into public.ml_alerts (model_type, environment, kind, severity, message)
    select name, 'production', 'data_quality', 'warning', 'Half of the column price is missing.'
    from public.ml_model_types order by name limit 3;
"""

_MEASURED = """
    () => {
        const [page] = performance.getEntriesByType("navigation");
        const files = {};
        for (const { name, transferSize } of performance.getEntriesByType("resource")) {
            const file = name.split("/").pop();
            files[file] = (files[file] ?? 0) + transferSize;  // used twice, it may come once
        }
        const [paint] = performance.getEntriesByName("first-contentful-paint");
        return {
            paint: paint && paint.startTime,
            html: page.transferSize,
            files,
        };
    }
"""


def measure(
    database_url: str, redis_url: str, folder: Path, *, checks: int, jobs: int, visits: int
) -> dict[str, Any]:
    """Bytes, paints and times of the page."""
    prepare(database_url, checks=checks, jobs=jobs)
    with psycopg.connect(database_url, autocommit=True) as owner:
        with owner.transaction():
            owner.execute(_SERVING.encode())
        owner.execute("vacuum (analyze)")
    database = PostgresDatabase(database_url, max_connections=1)
    try:
        key, store = make_key(), Store(database, actor=LOCAL_ADMIN)
        store.create_api_key(name="bench", role=Role.OPERATOR, key_hash=hash_key(key))
        read = _milliseconds(store.get_overview)
    finally:
        database.close()
    variables = {
        "HOME": str(folder),
        "PYTHONPATH": str(MAIN.parents[1]),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "REFIT_SESSION_SECRET": make_key(),
        "REFIT_RATE_LIMIT_READS": "100000/minute",
    }
    with serving(MAIN, "main", variables, folder) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        seen = [_visit(browser, port, key) for _ in range(visits + 1)]
        server = _server_time(port, _cookie(port, key))
        browser.close()
    return {"checks": checks, "jobs": jobs, "read_ms": read, "server_ms": server, **_summary(seen)}


def _summary(seen: list[dict[str, Any]]) -> dict[str, Any]:
    first, *visits = seen  # the first one starts what the server loads at its first page
    paints = sorted(round(visit["paint"], 1) for visit in visits)
    files = visits[-1]["files"]
    assert not any("plotly" in name for name in files), "this page draws nothing with Plotly"
    html = max(visit["html"] for visit in visits)
    return {
        "bytes": html + sum(files.values()),
        "html_bytes": html,
        "file_bytes": files,
        "first_visit_paint_ms": round(first["paint"], 1),
        "paint_ms": {"p50": statistics.median(paints), "slowest": paints[-1]},
    }


def _visit(browser: Browser, port: int, key: str) -> dict[str, Any]:
    """What one browser that was never here sees of the page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    address = f"http://127.0.0.1:{port}"
    signed_in = context.request.post(
        f"{address}{PAGE}/sign-in/key", form={"key": key}, max_redirects=0
    )
    assert signed_in.status == 303, signed_in.text()
    page = context.new_page()
    page.goto(f"{address}{PAGE}")
    page.get_by_role("article").last.wait_for()
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    assert page.get_by_role("article").count() > 1
    found: dict[str, Any] = page.evaluate(_MEASURED)
    context.close()
    return found


def _chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: on Debian, apt-get install chromium"
    return path


def _cookie(port: int, key: str) -> str:
    connection = HTTPConnection("127.0.0.1", port)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", f"{PAGE}/sign-in/key", f"key={key}", form)
    answer = connection.getresponse()
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    connection.close()
    return cookie


def _server_time(port: int, cookie: str) -> dict[str, float]:
    connection = HTTPConnection("127.0.0.1", port)

    def ask() -> None:
        connection.request("GET", PAGE, headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        answer.read()

    found = _milliseconds(ask)
    connection.close()
    return found


def _milliseconds(call: Callable[[], Any]) -> dict[str, float]:
    call()  # whatever the first one prepares
    spent = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - start))
    return {
        "p50": round(statistics.median(spent), 1),
        "p95": round(statistics.quantiles(spent, n=20)[-1], 1),
    }


def main() -> int:
    """Print what was measured; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="refit-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server runs under another account
        # The rows are gone afterwards; the page only reads.
        postgres = EmbeddedPostgres(folder / "postgres", options={"fsync": "off"})
        valkey = EmbeddedValkey(folder / "valkey")
        run = partial(measure, checks=CHECKS, jobs=JOBS, visits=VISITS)
        try:
            found = run(postgres.start(), valkey.start(), folder)
        finally:
            valkey.stop()
            postgres.stop()
    print(json.dumps(found, indent=2))
    reached = found["bytes"] < WANTED_BYTES and found["paint_ms"]["p50"] < WANTED_PAINT_MS
    return int(not reached)


if __name__ == "__main__":
    raise SystemExit(main())
