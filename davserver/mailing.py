"""Sends mail through the server that the settings name (SMTP, RFC 5321); nothing where they name none."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from davserver.settings import Settings, read_secret

SECONDS = 30.0


class MailRefused(Exception):  # noqa: N818
    """The mail server did not take it; the text says why, without any address."""


class Post:
    """One mail server."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """Raises SettingsError for a password file that cannot be read."""
        self._settings = settings
        self._password = read_secret("mail_password", settings.mail_password, directory)

    def send(self, receiver: str, subject: str, text: str) -> None:
        """Raises MailRefused."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.mail_from, receiver, subject
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's absence note answers it
        message.set_content(text)
        try:
            with self._connected() as server:
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise MailRefused(f"the mail server did not take a message: {type(error).__name__}") from None

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        settings = self._settings
        place = (settings.mail_server, settings.mail_port)
        context = ssl.create_default_context()
        if settings.mail_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(*place, timeout=SECONDS)
        with server:
            if settings.mail_security == "starttls":
                server.starttls(context=context)
            if settings.mail_user:
                server.login(settings.mail_user, self._password)
            yield server
