"""Replaying history with the code of checks and trainings, and nothing written anywhere."""
