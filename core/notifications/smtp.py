"""Handing a mail to its server, with everything encrypted that can be."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage

from core.notifications.mail import compose_mail
from core.notifications.mail_address import MailAddress
from core.notifications.message import Message
from core.notifications.not_delivered import NotDelivered, within


def send_mail(
    address: MailAddress,
    message: Message,
    *,
    time_limit_s: float,
    tls: ssl.SSLContext | None = None,
) -> str | None:
    """Hand the message to the server; what it says of readers that it refused.

    Parameters
    ----------
    time_limit_s : float
        Of everything together.
    tls : ssl.SSLContext, optional
        The system's certificates when not given.

    Raises
    ------
    NotDelivered
        It arrives nowhere. An answer of 4xx is transient, one of 5xx is not.
    """
    mail = compose_mail(address, message)
    # Never the name that a resolver gives: that may take long.
    own_name = socket.gethostname()
    own_name = own_name if "." in own_name else "[127.0.0.1]"
    context = tls or ssl.create_default_context()
    # The limit of everything is to be the one that ends it.
    session = _session(address, own_name, context, 2 * time_limit_s)

    def hand_over() -> str | None:
        try:
            return _hand_over(session, address, mail, context)
        finally:
            _hang_up(session)

    return within(time_limit_s, hand_over, abandon=lambda: _hang_up(session))


class _Session(smtplib.SMTP):
    """Made before it connects, so that it can be hung up on; it keeps the certificate's name."""

    def __init__(self, host: str, own_name: str, timeout: float) -> None:
        super().__init__(local_hostname=own_name, timeout=timeout)
        self._host = host


class _EncryptedSession(smtplib.SMTP_SSL):
    """As _Session, encrypted from the first byte on."""

    def __init__(self, host: str, own_name: str, timeout: float, tls: ssl.SSLContext) -> None:
        super().__init__(local_hostname=own_name, timeout=timeout, context=tls)
        self._host = host


def _session(
    address: MailAddress, own_name: str, tls: ssl.SSLContext, timeout: float
) -> smtplib.SMTP:
    if address.encrypted:
        return _EncryptedSession(address.host, own_name, timeout, tls)
    return _Session(address.host, own_name, timeout)


def _hand_over(
    session: smtplib.SMTP, address: MailAddress, mail: EmailMessage, tls: ssl.SSLContext
) -> str | None:
    try:
        _connect(session, address, tls)
        refused = session.send_message(mail)
        with suppress(smtplib.SMTPException, OSError):
            session.quit()  # what was accepted is accepted
    except smtplib.SMTPRecipientsRefused as exc:
        codes = {code for code, _ in exc.recipients.values()}
        raise _refused("every reader", min(codes)) from None
    except smtplib.SMTPResponseException as exc:
        raise _refused(_what_was_refused(exc), exc.smtp_code) from None
    except smtplib.SMTPServerDisconnected:
        raise NotDelivered("The server broke the connection.", transient=True) from None
    except smtplib.SMTPException:
        # Among them: it offers no way to sign in that we know.
        raise NotDelivered("The server does not offer what is needed.", transient=False) from None
    except ssl.SSLError as exc:
        raise NotDelivered(_tls_reason(exc), transient=True) from None
    except socket.gaierror:
        raise NotDelivered("The server's name cannot be resolved.", transient=True) from None
    except TimeoutError:
        raise NotDelivered("The server did not answer in time.", transient=True) from None
    except OSError:
        raise NotDelivered("The server cannot be reached.", transient=True) from None
    return _said_of(refused)


def _connect(session: smtplib.SMTP, address: MailAddress, tls: ssl.SSLContext) -> None:
    code, _ = session.connect(address.host, address.port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, b"")
    session.ehlo_or_helo_if_needed()
    encrypted = address.encrypted
    if not encrypted and session.has_extn("starttls"):
        session.starttls(context=tls)
        session.ehlo_or_helo_if_needed()
        encrypted = True
    if address.user is None or address.password is None:
        return
    if not encrypted and not address.is_local:
        # Whoever strips the offer of STARTTLS on the way would read it.
        raise NotDelivered(
            "The server offers no encryption, and a password is never sent without.",
            transient=False,
        )
    session.login(address.user, address.password.get_secret_value())


def _what_was_refused(exc: smtplib.SMTPResponseException) -> str:
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        return "user or password"
    if isinstance(exc, smtplib.SMTPSenderRefused):
        return "the sender"
    if isinstance(exc, smtplib.SMTPDataError):
        return "the message"
    return "us"


def _refused(what: str, code: int) -> NotDelivered:
    return NotDelivered(f"The server refused {what} ({code}).", transient=400 <= code < 500)


def _tls_reason(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return "The server's certificate is not valid."
    return "There is no encrypted connection to the server; smtps:// and smtp:// differ in port."


def _said_of(refused: dict[str, tuple[int, bytes]]) -> str | None:
    if not refused:
        return None
    codes = ", ".join(str(code) for code in sorted({code for code, _ in refused.values()}))
    readers = "one reader" if len(refused) == 1 else f"{len(refused)} readers"
    return f"The server refused {readers} ({codes}); the others have it."


def _hang_up(session: smtplib.SMTP) -> None:
    """End the connection also where another thread waits for an answer on it."""
    connection: socket.socket | None = getattr(session, "sock", None)
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError, smtplib.SMTPException):
        session.close()
