"""The worker: what claims jobs and does the heavy work."""
