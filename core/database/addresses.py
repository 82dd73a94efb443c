"""Parts of a database's address, read as libpq reads it."""

from __future__ import annotations

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import ConfigurationError


def without_password(address: str) -> tuple[str, str | None]:
    r"""An address without its password, and the password: arguments are seen by everybody.

    Parameters
    ----------
    address
        A URL, or libpq's ``keyword=value`` pairs.

    Raises
    ------
    ConfigurationError
        The address is neither; it is not shown.

    Examples
    --------
    >>> without_password("postgresql://ada:l%40ve@db:5432/app")
    ('user=ada dbname=app host=db port=5432', 'l@ve')
    >>> without_password(r"host=db password='it\'s' user=ada")
    ('user=ada host=db', "it's")
    >>> without_password("host=db dbname=app")
    ('dbname=app host=db', None)
    """
    try:
        parts = conninfo_to_dict(address)
    except ProgrammingError:
        raise ConfigurationError(
            "The database's address cannot be read.", hint="Correct DATABASE_URL."
        ) from None
    password = parts.pop("password", None)
    return make_conninfo("", **parts), None if password is None else str(password)
