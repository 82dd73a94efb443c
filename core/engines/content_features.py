"""Features that need nothing but the post itself: text, calendar, channel and format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.engines.columns import ColumnKind, normalise
from core.errors import DataError

TEXT_COLUMNS = ("title", "body")
CATEGORICAL_COLUMNS = ("author", "channel", "format")
POST_COLUMNS = (*CATEGORICAL_COLUMNS, *TEXT_COLUMNS)
CATEGORY_FEATURES = ("channel", "format", "channel_format")

Floats = NDArray[np.float64]

_HASHTAG = re.compile(r"#\w")
_LINK = re.compile(r"https?://|www\.")
_SENTENCE_END = re.compile(r"[.!?]+(?:\s|$)")
# Pictographs, symbols and dingbats: the blocks that hold practically every emoji in use.
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_TEXT_FEATURES = (
    "characters",
    "words",
    "questions",
    "exclamations",
    "emoji",
    "hashtags",
    "links",
    "word_length",
    "sentence_length",
)


def text_features(texts: pd.Series[Any], name: str) -> pd.DataFrame:
    """Length, punctuation and readability of each text; a missing text is an empty one.

    Word and sentence length (characters per word, words per sentence) are the two ingredients of
    the usual readability indices. There is no bag of words: it doubled the time of a fit, and
    gained nothing on generated posts, whose words have no effect.

    Parameters
    ----------
    texts : Series of n strings
        None or NaN where missing.
    name : str
        Of their column; each feature's name begins with it.

    Returns
    -------
    DataFrame of n rows
        Floats: ``{name}_characters``, ``_words``, ``_questions``, ``_exclamations``, ``_emoji``,
        ``_hashtags`` and ``_links`` are counts, ``_word_length`` is in characters,
        ``_sentence_length`` in words.

    Examples
    --------
    >>> found = text_features(pd.Series(["Do you agree? #design"]), "body")
    >>> found[["body_words", "body_questions", "body_hashtags"]].iloc[0].tolist()
    [4.0, 1.0, 1.0]
    """
    rows = [_measure(text) for text in texts.fillna("")]
    columns = [f"{name}_{feature}" for feature in _TEXT_FEATURES]
    return pd.DataFrame(rows, columns=columns, index=texts.index, dtype=float)


def _measure(text: str) -> tuple[float, ...]:
    words = len(text.split())
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    return (
        len(text),
        words,
        text.count("?"),
        text.count("!"),
        len(_EMOJI.findall(text)),
        len(_HASHTAG.findall(text)),
        len(_LINK.findall(text)),
        len(text) / words if words else 0.0,
        words / sentences,
    )


def calendar_features(times: pd.Series[Any]) -> pd.DataFrame:
    """Hour and weekday in UTC, plain and on the circle, and the week's number.

    The week's number lets a tree tell old tastes from new ones inside one training window; for
    later posts it means "as in the newest week". Two weeks after a change of taste it is worth
    some 8 points of accuracy. Whole weeks, since single days invite splits on noise.

    Parameters
    ----------
    times : Series of n UTC times
        NaT where missing.

    Returns
    -------
    DataFrame of n rows
        Floats, NaN where the time is missing: ``hour`` in [0, 24), its ``hour_sin`` and
        ``hour_cos``, ``weekday`` (0 is Monday), ``is_weekend`` (0 or 1) and ``week`` (weeks since
        Monday, 1969-12-29).

    Examples
    --------
    >>> found = calendar_features(pd.Series(pd.to_datetime(["2026-01-31T12:30Z"])))
    >>> found[["hour", "weekday", "is_weekend"]].iloc[0].tolist()
    [12.5, 5.0, 1.0]
    """
    hour = (times.dt.hour + times.dt.minute / 60).astype(float)
    weekday = times.dt.day_of_week.astype(float)
    return pd.DataFrame(
        {
            "hour": hour,
            "hour_sin": np.sin(2 * np.pi * hour / 24),
            "hour_cos": np.cos(2 * np.pi * hour / 24),
            "weekday": weekday,
            "is_weekend": (weekday >= 5).where(weekday.notna()).astype(float),
            # 1970 began on a Thursday; weeks begin on Mondays.
            "week": np.floor((seconds(times) / 86_400 + 3) / 7),
        },
        index=times.index,
    )


def typed_posts(
    frame: pd.DataFrame, *, time_column: str, number_columns: Sequence[str] = ()
) -> pd.DataFrame:
    """The columns of posts that the engine reads, each in the one form of its kind.

    Parameters
    ----------
    frame : DataFrame of n rows
        Posts with :data:`POST_COLUMNS`, the time column and the number columns.
    time_column : str
        When a post is published.
    number_columns : sequence of str
        Further columns that are taken as numbers.

    Returns
    -------
    DataFrame of n rows
        Author, channel, format, title and body as strings, the time in UTC, then the number columns
        as floats; missing values are NaN or NaT.

    Raises
    ------
    DataError
        When a column is missing, or nothing in a number column is a number.

    Examples
    --------
    >>> row = {"author": 7, "channel": "x", "format": "text", "title": "Hello", "body": None}
    >>> posts = pd.DataFrame([{**row, "at": "2026-01-31"}])
    >>> typed_posts(posts, time_column="at")["author"].tolist()
    ['7']
    """
    missing = [c for c in (time_column, *POST_COLUMNS, *number_columns) if c not in frame.columns]
    if missing:
        raise DataError(
            f"The engine content_performance needs the column(s) {', '.join(missing)}.",
            hint="Add them to the model type's feature_columns, or use engine gradient_boosting.",
        )
    kinds = (
        dict.fromkeys(CATEGORICAL_COLUMNS, ColumnKind.CATEGORICAL)
        | dict.fromkeys(TEXT_COLUMNS, ColumnKind.TEXT)
        | {time_column: ColumnKind.DATETIME}
        | dict.fromkeys(number_columns, ColumnKind.NUMERIC)
    )
    posts = normalise(frame, kinds)
    for name in number_columns:
        if posts[name].isna().all() and frame[name].notna().any():
            raise DataError(
                f"The engine content_performance can use the column {name} only as a number.",
                hint="Leave it out of feature_columns, or use engine gradient_boosting.",
            )
    return posts


def post_features(
    posts: pd.DataFrame, *, time_column: str, number_columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Every feature that needs nothing but the row itself.

    Parameters
    ----------
    posts : DataFrame of n rows
        As :func:`typed_posts` gives them for the same columns.
    time_column : str
    number_columns : sequence of str

    Returns
    -------
    DataFrame of n rows
        :data:`CATEGORY_FEATURES` come first and are strings, the rest is float.

    Examples
    --------
    >>> row = {"author": 7, "channel": "x", "format": "text", "title": "Hello", "body": None}
    >>> posts = typed_posts(pd.DataFrame([{**row, "at": "2026-01-31"}]), time_column="at")
    >>> post_features(posts, time_column="at")["channel_format"].tolist()
    ['x/text']
    """
    channel, format_ = posts["channel"].fillna(""), posts["format"].fillna("")
    return pd.concat(
        [
            channel.rename("channel"),
            format_.rename("format"),
            (channel + "/" + format_).rename("channel_format"),
            *(text_features(posts[c], c) for c in TEXT_COLUMNS),
            calendar_features(posts[time_column]),
            posts[list(number_columns)],
        ],
        axis=1,
    )


def seconds(times: pd.Series[Any]) -> Floats:
    """Seconds since 1970 UTC; a missing time is NaN.

    Parameters
    ----------
    times : Series of n UTC times

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> seconds(pd.Series(pd.to_datetime(["1970-01-02T00:00Z", None]))).tolist()
    [86400.0, nan]
    """
    since = times - pd.Timestamp("1970-01-01", tz="UTC")
    return since.dt.total_seconds().to_numpy().astype(np.float64)
