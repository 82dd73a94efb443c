"""Which rows belong together: those of one entity are no independent evidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType
from core.errors import DataError


def entity_codes(frame: pd.DataFrame, model_type: ModelType) -> NDArray[np.intp] | None:
    """Number the entities of n rows.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType

    Returns
    -------
    array (n,) of int, or None
        The same number for rows of the same entity; a row without one stands alone. None where
        the model type has no entity column.

    Raises
    ------
    DataError
        When the column is missing.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae",
    ...     entity_column="shop")
    >>> entity_codes(pd.DataFrame({"shop": ["a", "b", None, "a", None]}), kind).tolist()
    [0, 1, 2, 0, 3]
    """
    column = model_type.entity_column
    if column is None:
        return None
    if column not in frame.columns:
        raise DataError(
            f'The entity column "{column}" is missing.',
            hint="Bring it back, or take it out of the model type's settings.",
        )
    codes = np.asarray(pd.factorize(frame[column])[0], dtype=np.intp)
    alone = codes < 0
    codes[alone] = int(codes.max(initial=-1)) + 1 + np.arange(int(alone.sum()))
    return codes
