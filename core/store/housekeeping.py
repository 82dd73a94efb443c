"""Keeping the house: partitions, seals, retention. Machinery of the service role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.errors import RefitError
from core.store.caller import Caller, Json


class Housekeeping(Caller):
    """What is done now and then, by whoever ticks; any number at once do no harm."""

    def run_housekeeping(self, retention_days: Mapping[str, int]) -> Json:
        """Keep the partitions ahead, seal the audit log, and let go of what is old enough.

        Each is a transaction of its own and of bounded size; what is left over is the next
        call's.

        Parameters
        ----------
        retention_days : mapping
            Days by table, as ``Settings.retention_days`` has them; a table that is not named
            keeps its rows for ever.

        Returns
        -------
        dict
            ``partitions_created``; ``seals`` and ``audit_rows_sealed``; ``pruned``, the months
            ``{table, month, rows}`` that were dropped, and ``kept``, those ``{table, month,
            reason}`` that are old enough and could not be; ``deleted``, rows by table, and
            ``failed``, the reason by table.

        Raises
        ------
        RefitError
            The first that a part raised; the parts after it were done nevertheless.
        """
        retention = dict(retention_days)
        parts: tuple[Callable[[], Json], ...] = (
            lambda: {"partitions_created": self._work("create_partitions_ahead")},
            self._seal,
            lambda: self._answer("prune_partitions", p_retention=retention),
            lambda: self._answer("delete_expired_rows", p_retention=retention),
        )
        summary: Json = {}
        first: RefitError | None = None
        for part in parts:
            try:
                summary |= part()
            except RefitError as exc:
                first = first or exc
        if first is not None:
            raise first
        return summary

    def get_audit_seal(self, number: int | None = None) -> Json | None:
        """A seal ``{number, hash, sealed_at, …}``, the newest without a number; None: not there."""
        seal: Json | None = self._work("get_audit_seal", p_number=number)
        return seal

    def verify_audit_seals(self, after: int) -> Json:
        """Compare the next seals after a number with the audit log.

        Returns
        -------
        dict
            ``last``: the number to go on after, None behind the newest; ``seals``, ``rows`` and
            ``pruned_rows`` of these; ``pruned``, months, and ``problems``: see
            :mod:`core.audit`.
        """
        return self._answer("verify_audit_seals", p_after=after)

    def _seal(self) -> Json:
        sealed = self._answer("seal_audit_log")
        return {"seals": sealed["seals"], "audit_rows_sealed": sealed["rows"]}

    def _answer(self, function: str, **arguments: Any) -> Json:
        answer: Json = self._work(function, **arguments)
        return answer
