"""A mail server on 127.0.0.1 that takes mail, and refuses or stalls as it is told."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

HANG = "hang"  # says nothing any more
DRIP = "drip"  # says one byte now and then, for ever


@dataclass(frozen=True, kw_only=True)
class ReceivedMail:
    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool
    user: str | None

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.data, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, kind: str) -> str:
        """The text of a part, as a reader's program decodes it."""
        found = self.mail.get_body(preferencelist=(kind,))
        assert found is not None
        content = found.get_content()
        assert isinstance(content, str)
        return content


@dataclass
class MailServer:
    """What came in; ``answers`` replaces the reply to a command: ``{"RCPT": "550 no"}``."""

    port: int
    answers: dict[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()  # readers that are not known here
    starttls: ssl.SSLContext | None = None
    implicit: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    received: list[ReceivedMail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def url(self, *, scheme: str = "smtp", user: str = "", host: str = "127.0.0.1") -> str:
        who = f"{user}@" if user else ""
        query = "from=Refit%20<refit@example.org>&to=ops@example.org"
        return f"{scheme}://{who}{host}:{self.port}/?{query}"

    def wait_for(self, count: int, *, within: float = 30.0) -> list[ReceivedMail]:
        deadline = time.monotonic() + within
        while len(self.received) < count:
            assert time.monotonic() < deadline, self.commands
            time.sleep(0.02)
        return self.received

    def serve(self, connection: socket.socket) -> None:
        try:
            if self.implicit is not None:
                connection = self.implicit.wrap_socket(connection, server_side=True)
            session = _Session(self, connection, encrypted=self.implicit is not None)
            with closing(session):
                session.run()
        except OSError:
            return  # whoever called has left


class _Session:
    def __init__(self, server: MailServer, connection: socket.socket, *, encrypted: bool) -> None:
        self._server = server
        self._connection = connection
        self._file = connection.makefile("rb")
        self._encrypted = encrypted
        self._user: str | None = None
        self._sender = ""
        self._recipients: list[str] = []

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def run(self) -> None:
        if not self._say("GREETING", "220 mail.example.org ready"):
            return
        while line := self._file.readline().decode("latin-1").strip():
            self._server.commands.append(line)
            answer = getattr(self, f"_{line.split()[0].lower()}", None)
            if answer is None or not answer(line):
                return

    def _say(self, verb: str, reply: str) -> bool:
        reply = self._server.answers.get(verb, reply)
        if reply == HANG:
            self._connection.recv(1)
            return False
        if reply == DRIP:
            for _ in range(600):
                self._connection.sendall(b"2")
                time.sleep(0.1)
            return False
        self._connection.sendall(f"{reply}\r\n".encode())
        return not reply.startswith("421")

    def _ehlo(self, _line: str) -> bool:
        offers = ["mail.example.org", "8BITMIME"]
        if self._server.starttls is not None and not self._encrypted:
            offers.append("STARTTLS")
        if self._server.login is not None:
            offers.append("AUTH PLAIN")
        lines = [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
        return self._say("EHLO", "\r\n".join(lines))

    def _starttls(self, _line: str) -> bool:
        assert self._server.starttls is not None
        self._connection.sendall(b"220 go ahead\r\n")
        self._connection = self._server.starttls.wrap_socket(self._connection, server_side=True)
        self._file = self._connection.makefile("rb")
        self._encrypted = True
        return True

    def _auth(self, line: str) -> bool:
        _, method, token = line.split(maxsplit=2)
        assert method == "PLAIN"
        _, user, password = base64.b64decode(token).decode().split("\0")
        if (user, password) != self._server.login:
            return self._say("AUTH", f"535 {user} with {password} is not known")
        self._user = user
        return self._say("AUTH", "235 welcome")

    def _mail(self, line: str) -> bool:
        self._sender = line[line.index("<") + 1 : line.index(">")]
        return self._say("MAIL", "250 ok")

    def _rcpt(self, line: str) -> bool:
        reader = line[line.index("<") + 1 : line.index(">")]
        if reader in self._server.refused:
            return self._say("REFUSE", f"550 {reader} is not known")
        self._recipients.append(reader)
        return self._say("RCPT", "250 ok")

    def _data(self, _line: str) -> bool:
        self._connection.sendall(b"354 go on\r\n")
        data = b""
        while (part := self._file.readline()) != b".\r\n":
            if not part:
                return False
            data += part[1:] if part.startswith(b"..") else part
        if not self._server.answers.get("DATA"):
            self._server.received.append(
                ReceivedMail(
                    sender=self._sender,
                    recipients=self._recipients,
                    data=data,
                    encrypted=self._encrypted,
                    user=self._user,
                )
            )
        return self._say("DATA", "250 taken")

    def _rset(self, _line: str) -> bool:
        return self._say("RSET", "250 ok")

    def _quit(self, _line: str) -> bool:
        self._say("QUIT", "221 bye")
        return False


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    answers: dict[str, str] | None = None,
) -> Iterator[MailServer]:
    """A server for the time of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = MailServer(
            port=listener.getsockname()[1],
            starttls=starttls,
            implicit=implicit,
            login=login,
            answers=answers or {},
        )

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server
        # Closing alone does not wake the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)
