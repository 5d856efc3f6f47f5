"""Config file + environment → frozen Settings; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONFIG_NAME = "davserver.toml"
ENVIRONMENT_PREFIX = "DAVSERVER_"
NOT_SETTINGS = ("DATA", "KEY", "CONFIG")  # environment names that say where things lie
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MIB, GIB = 1024**2, 1024**3
NO_MORE_THAN = (("login_failures", "login_failures_per_net"), ("kept_connections", "connections"))
SWITCH_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingsError(Exception):
    """A setting cannot be used; the text is one sentence that says which and why."""


def _number(default: int, low: int, high: int) -> int:
    return field(default=default, metadata={"range": (low, high)})


def _word(default: str, *choices: str) -> str:
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every key of `config/davserver.toml`; the file explains each one. Sizes in bytes, times in seconds or as said."""

    host: str = "127.0.0.1"
    port: int = _number(8080, 0, 65535)
    workers: int = _number(2, 1, 64)
    threads: int = _number(16, 1, 256)
    server: str = _word("cheroot", "cheroot", "granian")
    tls_cert: str = ""
    tls_key: str = ""
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    log: str = _word("json", "json", "human")
    metrics_token: str = ""
    syslog: str = ""
    free_space_percent: int = _number(5, 0, 100)

    imprint: str = ""
    privacy: str = ""
    accessibility: str = ""

    mail_server: str = ""
    mail_port: int = _number(587, 1, 65535)
    mail_security: str = _word("starttls", "starttls", "tls", "none")
    mail_user: str = ""
    mail_password: str = ""
    mail_from: str = ""

    oidc_issuer: str = ""
    oidc_name: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_claim: str = "email"

    policies: tuple[str, ...] = ()
    account_password_on_dav: bool = False
    password_letters: int = _number(10, 8, 64)
    login_failures: int = _number(10, 1, 1000)
    login_failures_per_net: int = _number(50, 1, 100_000)
    sign_ins_at_once: int = _number(8, 1, 256)
    devices_per_net: int = _number(30, 1, 10_000)
    session_idle_minutes: int = _number(30, 1, 24 * 60)
    session_hours: int = _number(10, 1, 7 * 24)
    argon2_memory_kib: int = _number(65536, 8, 4 * 1024 * 1024)
    argon2_passes: int = _number(3, 1, 100)
    argon2_lanes: int = _number(4, 1, 64)

    header_bytes: int = _number(65536, 1024, 1024 * 1024)
    header_count: int = _number(100, 10, 1000)
    header_seconds: int = _number(10, 1, 600)
    body_seconds: int = _number(30, 1, 600)
    body_rate: int = _number(1024, 0, 1024 * 1024 * 1024)
    idle_seconds: int = _number(60, 1, 3600)
    kept_connections: int = _number(2000, 1, 100_000)
    connections: int = _number(4000, 1, 100_000)

    lock_seconds: int = _number(3600, 180, 7 * 86400)
    locks_per_resource: int = _number(16, 1, 1000)
    locks_per_user: int = _number(1000, 1, 100_000)

    trash_days: int = _number(90, 1, 36500)
    versions_days: int = _number(365, 1, 36500)
    versions_kept: int = _number(20, 1, 10_000)
    audit_access_days: int = _number(180, 1, 36500)
    audit_days: int = _number(3650, 1, 36500)
    convert_office: bool = True
    draw_seconds: int = _number(30, 5, 600)
    draw_bytes: int = _number(GIB, 256 * MIB, 64 * GIB)
    draw_at_once: int = _number(2, 1, 64)
    pages_bytes: int = _number(4 * GIB, 64 * MIB, 1024 * GIB)
    upload_bytes: int = _number(50 * GIB, MIB, 1024 * GIB)

    @property
    def behind_proxy(self) -> bool:
        """True when requests come through a proxy that is configured."""
        return bool(self.trusted_proxies)


FIELDS = types.MappingProxyType({one.name: one for one in dataclasses.fields(Settings)})


def load(
    directory: Path | None,
    environment: Mapping[str, str],
    *,
    config: Path | None = None,
    given: Mapping[str, Any] = types.MappingProxyType({}),
) -> Settings:
    """Settings from the config file, over it the environment, over that what was `given` on the command line.

    The file is `config`, else DAVSERVER_CONFIG, else davserver.toml in the data directory if there is one.
    Raises SettingsError.
    """
    named = config or (Path(environment["DAVSERVER_CONFIG"]) if environment.get("DAVSERVER_CONFIG") else None)
    values: dict[str, Any] = {}
    if named is not None:
        values.update(_from_file(named))
    elif directory is not None and (directory / CONFIG_NAME).exists():
        values.update(_from_file(directory / CONFIG_NAME))
    values.update(_from_environment(environment))
    values.update({name: _checked(name, value, f"--{name}") for name, value in given.items()})
    settings = Settings(**values)
    _check_together(settings)
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    try:
        written = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"the configuration file {path} is missing") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the configuration file {path} cannot be read: {error}") from None
    return {name: _checked(name, value, str(path)) for name, value in written.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for variable, text in environment.items():
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        if name == variable or name in NOT_SETTINGS:
            continue
        values[name.lower()] = _checked(name.lower(), _parsed(name.lower(), text, variable), variable)
    return values


def _parsed(name: str, text: str, where: str) -> Any:
    """The text of an environment variable in the type of its key."""
    default = FIELDS[name].default if name in FIELDS else ""
    if isinstance(default, bool):
        if text.lower() not in SWITCH_WORDS:
            raise SettingsError(f"{where}: write true or false, not {text!r}")
        return SWITCH_WORDS[text.lower()]
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{where}: write a whole number, not {text!r}") from None
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _checked(name: str, value: Any, where: str) -> Any:
    known = FIELDS.get(name)
    if known is None:
        raise SettingsError(f"{where}: unknown key {name!r}; {nearest(name, FIELDS)}")
    default = known.default
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise SettingsError(f"{where}: {name} must be a list of texts")
        return tuple(value)
    if type(value) is not type(default):
        kinds = {bool: "true or false", int: "a whole number", str: "a text"}
        raise SettingsError(f"{where}: {name} must be {kinds[type(default)]}, not {value!r}")
    if "range" in known.metadata:
        low, high = known.metadata["range"]
        if not low <= value <= high:
            raise SettingsError(f"{where}: {name} must lie between {low} and {high}, not {value}")
    if value not in known.metadata.get("choices", (value,)):
        raise SettingsError(f"{where}: {name} must be one of {', '.join(known.metadata['choices'])}, not {value!r}")
    return value


def _check_together(settings: Settings) -> None:
    for low, high in NO_MORE_THAN:
        if getattr(settings, low) > getattr(settings, high):
            raise SettingsError(f"{low} can be at most {high}, {getattr(settings, high)}; lower it, or raise {high}")
    _check_addresses(settings)
    _check_oidc(settings)


def _check_addresses(settings: Settings) -> None:
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise SettingsError(f"trusted_proxies: {proxy!r} is no address or network such as 10.0.0.0/8") from None
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SettingsError("tls_cert and tls_key belong together; name both or neither")
    if settings.public_url and settings.account_password_on_dav:
        raise SettingsError("account_password_on_dav cannot be true where public_url is set; use app passwords there")
    if settings.mail_server and not (settings.mail_from and settings.public_url):
        raise SettingsError("mail_server needs mail_from, whom mails come from, and public_url, where they lead")
    host, colon, port = settings.syslog.rpartition(":")
    if settings.syslog and not (settings.syslog.startswith("/") or (host and colon and port.isdecimal())):
        raise SettingsError(f"syslog must be a path such as /dev/log, or HOST:PORT, not {settings.syslog!r}")
    if settings.public_url:
        url = urlsplit(settings.public_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/") or url.query:
            raise SettingsError(f"public_url must look like https://gremium.example.org, not {settings.public_url!r}")


def _check_oidc(settings: Settings) -> None:
    if settings.oidc_issuer and not (settings.oidc_name and settings.oidc_client_id and settings.public_url):
        raise SettingsError(
            "oidc_issuer needs oidc_name, what people call it, oidc_client_id, and public_url, where they come back to"
        )
    if settings.oidc_issuer:
        issuer = urlsplit(settings.oidc_issuer)
        local = issuer.scheme == "http" and issuer.hostname in LOOPBACK
        if not ((issuer.scheme == "https" and issuer.hostname) or local) or issuer.query or issuer.fragment:
            raise SettingsError(f"oidc_issuer must look like https://login.example.org, not {settings.oidc_issuer!r}")


def read_secret(name: str, written: str, directory: Path) -> str:
    """What the file holds that a setting names; empty for an empty setting. Raises SettingsError."""
    if not written:
        return ""
    path = directory / written
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: the file {path} cannot be read: {type(error).__name__}") from None


def nearest(word: str, known: Mapping[str, Any] | list[str]) -> str:
    """`did you mean …?`, or the known words where none is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"


def shipped(name: str) -> Path:
    """A file of `config/`: beside the modules in an installed wheel, beside the package in a checkout."""
    package = Path(__file__).parent
    inside = package / "config" / name
    return inside if inside.exists() else package.parent / "config" / name
