"""Signed callbacks: vetting their addresses, sending them, and judging what came back."""
