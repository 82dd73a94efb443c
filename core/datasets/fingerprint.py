"""Telling whether two jobs saw the same data."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.domain import Fingerprint, ModelType

_THREADS = 2
_LITTLE_ENDIAN_F8 = np.dtype("<f8")
_LITTLE_ENDIAN_I8 = np.dtype("<i8")


def fingerprint(frame: pd.DataFrame, model_type: ModelType) -> Fingerprint:
    """Rows, time span and a SHA-256 over the columns' names and values, in the frame's order.

    The hash depends on values alone: all widths of integers are one type, so are all widths of
    floats and all kinds of strings; every missing value is the same, and -0.0 is 0.0. How pandas
    or Arrow chunk the memory does not matter, nor does the order of the columns.

    Parameters
    ----------
    frame
        As :func:`core.datasets.read_rows` gives it.
    model_type
        Names the time column.
    """
    names = sorted(frame.columns)
    # hashlib lets go of the interpreter lock, so columns are hashed side by side.
    with ThreadPoolExecutor(_THREADS) as threads:
        digests = list(threads.map(_column_digest, (frame[name] for name in names)))
    whole = hashlib.sha256(str(len(frame)).encode())
    for name, digest in zip(names, digests, strict=True):
        whole.update(hashlib.sha256(name.encode()).digest() + digest)
    times = frame[model_type.time_column]
    return Fingerprint(
        rows=len(frame),
        time_start=times.min().to_pydatetime() if len(frame) else None,
        time_end=times.max().to_pydatetime() if len(frame) else None,
        content_hash=whole.hexdigest(),
    )


def _column_digest(column: pd.Series) -> bytes:
    """SHA-256 of one column: a letter for its type, then its values."""
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind == "M":
        unit = column.dt.as_unit("us").to_numpy(dtype="datetime64[us]")
        return _digest(b"t", unit.view(_LITTLE_ENDIAN_I8))
    if pd.api.types.is_bool_dtype(dtype) and not column.hasnans:
        return _digest(b"b", column.to_numpy(dtype=np.uint8))
    if pd.api.types.is_integer_dtype(dtype) and not column.hasnans:
        return _digest(b"i", column.to_numpy(dtype=_LITTLE_ENDIAN_I8))
    if pd.api.types.is_numeric_dtype(dtype):
        values = column.to_numpy(dtype=_LITTLE_ENDIAN_F8, na_value=np.nan)
        values = values + 0.0  # -0.0 becomes 0.0, and the frame stays as it is
        values[np.isnan(values)] = np.nan  # one bit pattern for all
        return _digest(b"f", values)
    return _text_digest(column)


def _text_digest(column: pd.Series) -> bytes:
    """Lengths in bytes (-1: missing), then the UTF-8 bytes of all values in one."""
    text = pa.array(column.astype("str"), type=pa.large_string(), from_pandas=True)
    array = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    lengths = pc.fill_null(pc.binary_length(array), -1).to_numpy(zero_copy_only=False)
    filled = pc.fill_null(array, "")
    _, offsets, data = filled.buffers()
    bounds = np.frombuffer(offsets, np.int64)[filled.offset : filled.offset + len(filled) + 1]
    content = memoryview(data)[bounds[0] : bounds[-1]] if data is not None and len(bounds) else b""
    return _digest(b"s", lengths.astype(_LITTLE_ENDIAN_I8), content)


def _digest(kind: bytes, *parts: object) -> bytes:
    found = hashlib.sha256(kind)
    for part in parts:
        found.update(memoryview(part).cast("B"))  # type: ignore[arg-type]
    return found.digest()
