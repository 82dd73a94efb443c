"""The machine learning: pure functions over DataFrames and the records of :mod:`core.domain`.

No database, queue, network or clock in here; times and seeds come in as arguments, so that a
worker and a backtest run the very same code.
"""
