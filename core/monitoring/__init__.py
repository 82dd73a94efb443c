"""Has it really got worse, and is the data fit to learn from? Pure, like :mod:`core.engines`."""
