"""Refit: keeps scikit-learn models that live beside a Supabase database fresh."""

__version__ = "0.1.0"
