"""Schedules: what they start, and when."""

from __future__ import annotations

from core.explanations.words import Words


def schedule_label(words: Words, kind: str | None) -> str:
    """What a schedule starts.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> schedule_label(ENGLISH, "performance_check")
    'Check, and retrain if it got worse'
    """
    _ = words.gettext
    labels = {
        "performance_check": _("Check, and retrain if it got worse"),
        "forced_retraining": _("Retrain in any case"),
    }
    return labels.get(kind or "") or (kind or "").replace("_", " ") or _("Schedule")


def cron_in_words(words: Words, cron: str | None, time_zone: str | None) -> str:
    """When a schedule fires.

    Parameters
    ----------
    words : Words
    cron : str or None
        Five fields.
    time_zone : str or None
        IANA name; said wherever a time of day is.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> cron_in_words(ENGLISH, "0 */4 * * *", "UTC")
    'every 4 hours'
    >>> cron_in_words(ENGLISH, "0 8 * * *", "Europe/Amsterdam")
    'every day at 08:00 (Europe/Amsterdam)'
    >>> cron_in_words(ENGLISH, "30 3 * * 0", "UTC")
    'every Sunday at 03:30 (UTC)'
    >>> cron_in_words(ENGLISH, "0 8 1-7 * 1", "UTC")
    'by the cron expression 0 8 1-7 * 1 (UTC)'
    """
    _ = words.gettext
    fields = (cron or "").split()
    if len(fields) != 5:
        return _("at no set time")
    sentence = _interval(words, fields)
    if sentence:
        return sentence
    times, days = _times(words, fields[0], fields[1]), _days(words, fields)
    zone = time_zone or "UTC"
    if times and days:
        return _("{days} at {times} ({zone})").format(days=days, times=times, zone=zone)
    return _("by the cron expression {cron} ({zone})").format(cron=" ".join(fields), zone=zone)


def _interval(words: Words, fields: list[str]) -> str:
    """Every so many minutes or hours; empty where it is none of these."""
    minute, hour, *rest = fields
    if rest != ["*", "*", "*"]:
        return ""
    if hour == "*":
        if minute == "*":
            return _every_minutes(words, 1)
        if minutes := _step(minute, 60):
            return _every_minutes(words, minutes)
        return _every_hours(words, 1, minute)
    if hours := _step(hour, 24):
        return _every_hours(words, hours, minute)
    return ""


def _every_minutes(words: Words, count: int) -> str:
    message = words.ngettext("every minute", "every {count} minutes", count)
    return message.format(count=words.numbers.number(count))


def _every_hours(words: Words, count: int, minute: str) -> str:
    past = _number(minute, 59)
    if past is None:
        return ""
    message = words.ngettext("every hour", "every {count} hours", count)
    sentence = message.format(count=words.numbers.number(count))
    if not past:
        return sentence
    after = words.ngettext(
        "{every}, {minutes} minute past the hour", "{every}, {minutes} minutes past the hour", past
    )
    return after.format(every=sentence, minutes=words.numbers.number(past))


def _step(field: str, whole: int) -> int | None:
    """The n of ``*/n`` where it divides the whole, so that it is even across midnight."""
    star, slash, number = field.partition("/")
    steps = _number(number, whole) if star == "*" and slash else None
    return steps if steps and whole % steps == 0 and steps < whole else None


def _number(field: str, largest: int) -> int | None:
    if not (field.isascii() and field.isdecimal() and len(field) <= 2):
        return None
    return int(field) if int(field) <= largest else None


def _times(words: Words, minute: str, hours: str) -> str:
    """The times of day; empty where they are not plain ones."""
    at, clock = _number(minute, 59), [_number(hour, 23) for hour in hours.split(",")]
    if at is None or None in clock or len(clock) > 4:
        return ""
    return _listed(
        words, [f"{hour:02}:{at:02}" for hour in sorted({h for h in clock if h is not None})]
    )


def _days(words: Words, fields: list[str]) -> str:
    """The days; empty where they are not plain ones."""
    _ = words.gettext
    _minute, _hour, day, month, weekday = fields
    if month != "*":
        return ""
    if day == "*":
        return _weekdays(words, weekday)
    number = _number(day, 31)
    if weekday != "*" or not number:
        return ""
    return _("on day {day} of every month").format(day=words.numbers.number(number))


def _weekdays(words: Words, field: str) -> str:
    _ = words.gettext
    whole = {"*": _("every day"), "0-6": _("every day"), "1-5": _("every working day")}
    if field in whole or field.upper() == "MON-FRI":
        return whole.get(field, whole["1-5"])
    names = {
        "SUN": _("Sunday"),
        "MON": _("Monday"),
        "TUE": _("Tuesday"),
        "WED": _("Wednesday"),
        "THU": _("Thursday"),
        "FRI": _("Friday"),
        "SAT": _("Saturday"),
    }
    by_number = dict(enumerate([*names.values(), names["SUN"]]))
    days = []
    for one in field.split(","):
        number = _number(one, 7)
        days.append(names.get(one.upper(), "") if number is None else by_number[number])
    if not all(days):
        return ""
    return _("every {weekday}").format(weekday=_listed(words, days))


def _listed(words: Words, items: list[str]) -> str:
    """a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return words.gettext("{items} and {last}").format(items=", ".join(items[:-1]), last=items[-1])
