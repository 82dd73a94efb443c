"""The walk itself: check, let Refit decide, predict until the next step."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.backtest.records import Action, Event, Policy, Timeline
from core.demo.baselines import Baselines
from core.demo.client import Client, Json
from core.demo.predictions import Served, baseline_id, store_predictions
from core.demo.records import Subject
from core.domain import JobStatus
from core.errors import RefitError


class View(Protocol):
    """What shows a walk to a person."""

    def working(self, what: str) -> None:
        """Something goes on."""

    def done(self, step: int, events: Sequence[Event]) -> None:
        """A step, counted from 0, is over."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Everything a walk needs."""

    subjects: Sequence[Subject]
    timeline: Timeline
    client: Client
    served: Served
    baselines: Baselines
    database_url: str
    view: View

    def run(self) -> list[Event]:
        """Walk from the first training to the last row; what happened, in order.

        Raises
        ------
        RefitError
            A check or training failed, or the first model may not serve.
        """
        events: list[Event] = []
        # The bare fits are made while the functions are asked.
        with ThreadPoolExecutor(max_workers=1) as beside:
            for step, moment in enumerate(self.timeline.moments):
                fits = [beside.submit(self.baselines.fit, s, moment) for s in self.subjects]
                checks = self._checks(moment)
                for fit in fits:
                    fit.result()
                jobs = self._jobs(moment, checks)
                happened = [self._event(s, moment, checks, jobs) for s in self.subjects]
                self.view.working("predicting")
                for subject in self.subjects:
                    self._predict(subject, moment)
                self.view.done(step, happened)
                events += happened
        return events

    def _checks(self, moment: datetime) -> dict[str, Json]:
        self.view.working("checking")
        names = [s.model_type.name for s in self.subjects]
        return self.client.check(names, as_of=moment, time_window=self.timeline.window_days)

    def _jobs(self, moment: datetime, checks: dict[str, Json]) -> dict[str, Json]:
        """Trainings of those that need one; without a champion the first one does."""
        wanted = [name for name, check in checks.items() if check["needs_retraining"]]
        if not wanted:
            return {}

        def show(job: Json) -> None:
            self.view.working(str(job["stage"]).replace("_", " "))

        reason = " ".join(str(checks[name]["reason"]) for name in wanted)
        return self.client.retrain(wanted, as_of=moment, reason=reason[:1000], show=show)

    def _event(
        self,
        subject: Subject,
        moment: datetime,
        checks: dict[str, Json],
        jobs: dict[str, Json],
    ) -> Event:
        name = subject.model_type.name
        check, job = checks[name], jobs.get(name)
        if job and check["model_id"] is None and not job["result"]["deployed"]:
            raise RefitError(
                f"The first model of {name} may not serve: {job['result']['reason']}",
                hint="Give it more rows, with a larger --start, or better columns.",
            )
        return Event(
            model_type=name,
            as_of=moment,
            verdict=check["verdict"],
            metric=check["metric"],
            baseline=check["baseline"],
            current=check["current"],
            model_version=self.served.champion(subject).model_version,
            **_outcome(job),
        )

    def _predict(self, subject: Subject, moment: datetime) -> None:
        """Store predictions of the rows until the next step, by what serves now."""
        rows = subject.between(moment, moment + self.timeline.step)
        champion = self.served.champion(subject)
        models = {Policy.REFIT: (champion.model_id, self.served.model(subject, champion))}
        trained = {Policy.NEVER: self.timeline.start, Policy.EVERY_STEP: moment}
        for policy, model in self.baselines.models(subject).items():
            models[policy] = (baseline_id(subject, policy, trained[policy]), model)
        store_predictions(self.database_url, subject, rows, models, as_of=moment)


def _outcome(job: Json | None) -> dict[str, Any]:
    """The fields of an event that say what came of a training job."""
    if job is None:
        return {"action": Action.NONE}
    if job["status"] == JobStatus.SKIPPED:
        # Its own check may look at another time window than ours, and find the champion healthy.
        waits = job["check_result"]["needs_retraining"]
        return {"action": Action.WAITED if waits else Action.NONE}
    result = job["result"]
    gates = (job.get("validation") or {}).get("gates") or []
    return {
        "action": Action.DEPLOYED if result["deployed"] else Action(result["verdict"]),
        "challenger": result["model_version"],
        "improvement": result["improvement"],
        "failed_gates": tuple(gate["name"] for gate in gates if not gate["passed"]),
    }
