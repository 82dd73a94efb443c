"""What Refit asks of a Supabase project beside its database."""

from core.supabase.accounts import Account, Accounts

__all__ = ["Account", "Accounts"]
