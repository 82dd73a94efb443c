"""Fitted pipelines of many kinds; run as a program, it prints their hashes."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

ESTIMATORS: dict[str, Callable[[], BaseEstimator]] = {
    "boosting": lambda: HistGradientBoostingClassifier(random_state=0, max_iter=5),
    "boosting with categories": lambda: HistGradientBoostingClassifier(
        random_state=0, max_iter=5, categorical_features=[2]
    ),
    "boosting calibrated by sigmoids": lambda: CalibratedClassifierCV(
        HistGradientBoostingClassifier(random_state=0, max_iter=5), cv=2
    ),
    "boosting of a number": lambda: HistGradientBoostingRegressor(random_state=0, max_iter=5),
    "logistic": LogisticRegression,
    "logistic calibrated by temperature": lambda: CalibratedClassifierCV(
        LogisticRegression(), method="temperature", cv=2
    ),
    "logistic calibrated isotonically": lambda: CalibratedClassifierCV(
        LogisticRegression(), method="isotonic", cv=2
    ),
    "ridge": Ridge,
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "forest of a number": lambda: RandomForestRegressor(5, random_state=0),
}
ENGINE = "my.engine:make_pipeline"  # a name that is not built in


def make_rows(count: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    rows = pd.DataFrame(
        {
            "amount": rng.normal(size=count),
            "age": rng.normal(size=count),
            "channel": rng.choice(["mail", "shop", "web"], count),
        }
    )
    rows.loc[::9, "age"] = np.nan
    return rows


def fit(name: str) -> Pipeline:
    """The named estimator behind the usual preprocessing, fitted on rows that never change."""
    rows = make_rows()
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    preprocessing = ColumnTransformer(
        [
            ("numbers", numbers, ["amount", "age"]),
            ("codes", OrdinalEncoder(), ["channel"]),
            ("flags", OneHotEncoder(handle_unknown="ignore"), ["channel"]),
        ]
    )
    estimator = ESTIMATORS[name]()
    target = rows["amount"].to_numpy() + np.where(rows["channel"] == "web", 1.0, 0.0)
    if hasattr(estimator, "predict_proba"):
        target = np.where(target > 0, "yes", "no")
    return Pipeline([("preprocessing", preprocessing), ("estimator", estimator)]).fit(rows, target)


def main() -> None:
    from core.artifacts import content_hash, serialise

    print(json.dumps({name: content_hash(serialise(fit(name))) for name in ESTIMATORS}))


if __name__ == "__main__":
    main()
