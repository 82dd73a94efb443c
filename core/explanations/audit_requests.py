"""What somebody asked for who was refused, by the names of the API and of the dashboard."""

from __future__ import annotations

from core.explanations.words import Words


def request_label(words: Words, name: str) -> str:
    """A request as the end of a sentence; empty for one without a name.

    Parameters
    ----------
    words : Words
    name : str
        The name of an action of the API, or of a function behind a form of the dashboard.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> request_label(ENGLISH, "create_schedule"), request_label(ENGLISH, "create")
    ('adding a schedule', 'adding a schedule')
    """
    return (_of_api(words) | _of_dashboard(words)).get(name) or name.replace("_", " ")


def _of_api(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "acknowledge_alert": _("taking on an alert"),
        "snooze_alert": _("silencing an alert"),
        "check_performance": _("checking a model"),
        "validate_models": _("testing a model"),
        "deploy_model": _("deploying a model"),
        "rollback_model": _("going back to an earlier model"),
        "trigger_retraining": _("starting a retraining"),
        "cancel_job": _("stopping a retraining"),
        "create_model_type": _("setting up a model type"),
        "update_model_type": _("changing the settings of a model type"),
        "create_schedule": _("adding a schedule"),
        "update_schedule": _("changing a schedule"),
        "run_schedules": _("starting what the schedules ask for"),
        "record_event": _("reporting what a workflow did"),
    }


def _of_dashboard(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "acknowledge": _("taking on an alert"),
        "snooze": _("silencing an alert"),
        "check": _("checking a model"),
        "deploy": _("deploying a model"),
        "roll_back": _("going back to an earlier model"),
        "retrain": _("starting a retraining"),
        "retry": _("starting a retraining"),
        "cancel": _("stopping a retraining"),
        "change_settings": _("changing the settings of a model type"),
        "create": _("adding a schedule"),
        "change": _("changing a schedule"),
    }
