"""Posts as a float matrix, with the author's record among the features.

The record is made of other posts' targets, so it must never see a target that was not known when
the post was published.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from core.engines.columns import as_times
from core.engines.content_features import (
    CATEGORY_FEATURES,
    Floats,
    post_features,
    seconds,
    typed_posts,
)

_MAX_CATEGORIES = 200  # gradient boosting takes at most 255 per column


class ContentFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Posts → a float matrix, with the author's record among its columns.

    ``fit_transform`` and ``transform`` differ on purpose. A training row's author record holds
    only targets that were known before that post was published (it expands from row to row); a new
    row's record holds all targets of the training. So a model learns from records of the kind that
    it will meet. Calling ``fit`` and then ``transform`` on training rows would leak their targets.

    A record is the author's mean target, shrunk towards the mean over all authors with the weight
    of ``prior_posts`` posts (the empirical Bayes estimate for a normal mean, see Efron and Morris
    1975, "Data analysis using Stein's estimator and its generalizations", with the ratio of the
    variances given instead of estimated): one column for regression, one share per class for
    classification. Without any known target it is NaN.

    Parameters
    ----------
    classification : bool
        Whether the target is a class.
    time_column : str
        When a post is published.
    label_time_column : str or None
        When a target became known; used where the frame has it, else ``label_delay_s``.
    label_delay_s : float
        Seconds from publication until a target is known.
    number_columns : tuple of str
        Further columns that are taken as numbers.
    prior_posts : float
        How many posts of his own an author needs until they weigh as much as everybody's.

    Examples
    --------
    >>> row = {"author": "Ada", "channel": "x", "format": "text", "title": "Hi", "body": ""}
    >>> times = pd.date_range("2026-01-01", periods=3, tz="UTC")
    >>> posts = pd.DataFrame([{**row, "published_at": time} for time in times])
    >>> features = ContentFeatures(classification=False)
    >>> found = features.fit_transform(posts, np.array([1.0, 2.0, 3.0]))
    >>> features.get_feature_names_out()[-2:].tolist(), found[:, -2:].tolist()
    (['author_posts', 'author_mean'], [[0.0, nan], [1.0, 1.0], [2.0, 1.5]])
    >>> features.transform(posts)[:, -2:].tolist()
    [[3.0, 2.0], [3.0, 2.0], [3.0, 2.0]]
    """

    def __init__(
        self,
        *,
        classification: bool,
        time_column: str = "published_at",
        label_time_column: str | None = None,
        label_delay_s: float = 0.0,
        number_columns: tuple[str, ...] = (),
        prior_posts: float = 10.0,
    ) -> None:
        self.classification = classification
        self.time_column = time_column
        self.label_time_column = label_time_column
        self.label_delay_s = label_delay_s
        self.number_columns = number_columns
        self.prior_posts = prior_posts

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Learn the categories and every author's record at the training's end.

        Parameters
        ----------
        X : DataFrame of n posts
        y : array of shape (n,)
            Their targets: classes, or numbers.

        Returns
        -------
        ContentFeatures
            Itself.

        Raises
        ------
        DataError
            When a column is missing, or nothing in a number column is a number.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any) -> Floats:
        """Learn from the rows and return their features, each as of its publication.

        Parameters
        ----------
        X : DataFrame of n posts
        y : array of shape (n,)
            Their targets: classes, or numbers.

        Returns
        -------
        ndarray of shape (n, k)
            Columns as :meth:`get_feature_names_out` names them.

        Raises
        ------
        DataError
            When a column is missing, or nothing in a number column is a number.
        """
        posts = self._posts(X)
        plain = self._plain(posts)
        self.categories_ = {c: _frequent(plain[c]) for c in CATEGORY_FEATURES}
        targets = self._targets(np.asarray(y))
        codes, authors = pd.factorize(posts["author"].fillna(""), sort=True)
        self.author_index_ = {str(name): i for i, name in enumerate(authors)}
        self.author_counts_ = np.bincount(codes, minlength=len(authors)).astype(float)
        self.author_sums_ = np.zeros((len(authors), targets.shape[1]))
        np.add.at(self.author_sums_, codes, targets)
        published, known = self._times(posts, X)
        counts, sums = _known_before(published, known, targets, np.zeros(len(codes), np.int64))
        own_counts, own_sums = _known_before(published, known, targets, codes)
        record = self._record(own_counts, own_sums, counts, sums)
        self.feature_names_ = [*plain.columns, "author_posts", *self._record_names()]
        return np.column_stack([self._encode(plain), own_counts, record])

    def transform(self, X: pd.DataFrame) -> Floats:
        """Features of new posts, with the records at the training's end.

        Parameters
        ----------
        X : DataFrame of n posts

        Returns
        -------
        ndarray of shape (n, k)
            Columns as :meth:`get_feature_names_out` names them; a category that the training did
            not know is NaN.

        Raises
        ------
        DataError
            When a column is missing, or nothing in a number column is a number.
        NotFittedError
            Before :meth:`fit`.
        """
        check_is_fitted(self)
        posts = self._posts(X)
        index = [self.author_index_.get(name, -1) for name in posts["author"].fillna("")]
        places = np.array(index, dtype=np.int64)
        seen = places >= 0
        own_counts = np.where(seen, self.author_counts_[places], 0.0)
        own_sums = np.where(seen[:, None], self.author_sums_[places], 0.0)
        counts = np.full(len(places), self.author_counts_.sum())
        sums = np.broadcast_to(self.author_sums_.sum(axis=0), own_sums.shape)
        record = self._record(own_counts, own_sums, counts, sums)
        return np.column_stack([self._encode(self._plain(posts)), own_counts, record])

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the columns, in order.

        Parameters
        ----------
        input_features : object
            Not looked at; scikit-learn passes it.

        Returns
        -------
        ndarray of str objects, shape (k,)

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        """
        check_is_fitted(self)
        return np.array(self.feature_names_, dtype=object)

    def _posts(self, frame: pd.DataFrame) -> pd.DataFrame:
        return typed_posts(frame, time_column=self.time_column, number_columns=self.number_columns)

    def _plain(self, posts: pd.DataFrame) -> pd.DataFrame:
        return post_features(
            posts, time_column=self.time_column, number_columns=self.number_columns
        )

    def _encode(self, plain: pd.DataFrame) -> Floats:
        """Categories as their number, one that the training did not know as NaN."""
        encoded = plain.copy()
        for column, known in self.categories_.items():
            numbers = {name: float(i) for i, name in enumerate(known)}
            encoded[column] = plain[column].map(numbers).astype(float)
        return np.asarray(encoded, dtype=float)

    def _targets(self, y: NDArray[Any]) -> Floats:
        """The target as numbers, shape (n, 1), or as one indicator per class."""
        if not self.classification:
            return y.astype(float)[:, None]
        classes = np.unique(y)
        self.target_classes_ = [str(c) for c in classes]
        return np.asarray(y[:, None] == classes[None, :], dtype=float)

    def _record(self, own_counts: Floats, own_sums: Floats, counts: Floats, sums: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            overall = sums / counts[:, None]  # 0 / 0: nothing is known yet
        weight = own_counts[:, None] + self.prior_posts
        return np.asarray((own_sums + self.prior_posts * overall) / weight)

    def _record_names(self) -> list[str]:
        if self.classification:
            return [f"author_share_{name}" for name in self.target_classes_]
        return ["author_mean"]

    def _times(self, posts: pd.DataFrame, frame: pd.DataFrame) -> tuple[Floats, Floats]:
        """When each post was published, and when its target was known: never before that."""
        published = seconds(posts[self.time_column])
        known = published + self.label_delay_s
        if self.label_time_column in frame.columns:
            measured = seconds(as_times(frame[self.label_time_column]))
            known = np.where(np.isnan(measured), known, measured)
        return published, np.fmax(known, published)


def _frequent(values: pd.Series[Any]) -> list[str]:
    """The most frequent values in alphabetical order."""
    return sorted(str(v) for v in values.value_counts().index[:_MAX_CATEGORIES])


def _known_before(
    published: Floats, known: Floats, targets: Floats, groups: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Per row, how many targets of its group were known before its publication, and their sum.

    "Before" is strict: a target known at the very moment of publication does not count, so a row
    never counts itself even without a delay.
    """
    counts = np.zeros(len(groups))
    sums = np.zeros((len(groups), targets.shape[1]))
    order = np.lexsort((known, groups))
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        # rows of one group, in the order in which their targets became known; unknown times last
        cumulative = np.vstack([np.zeros(targets.shape[1]), targets[rows].cumsum(axis=0)])
        before = np.searchsorted(known[rows], published[rows], side="left")
        before[np.isnan(published[rows])] = 0
        counts[rows] = before
        sums[rows] = cumulative[before]
    return counts, sums
