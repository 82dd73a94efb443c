"""The local default: PostgreSQL and Valkey from PyPI, and the processes that use them."""
