"""Measurements, as ratios in one run. ``python -m bench`` runs all of them."""
