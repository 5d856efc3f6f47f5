"""Settings: file, environment, command line; an unknown key names the nearest known one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from davserver.settings import FIELDS, Settings, SettingsError, load, shipped
from tests.commands.conftest import Run

PROVIDER = 'oidc_name = "M-Login"\noidc_client_id = "x"\npublic_url = "https://gremium.example.org"'


def written(directory: Path, text: str) -> Path:
    (directory / "davserver.toml").write_text(text)
    return directory


def test_the_command_line_wins_over_environment_over_file(tmp_path: Path) -> None:
    """File, then DAVSERVER_…, then options."""
    written(tmp_path, 'port = 1\nworkers = 3\nthreads = 7\nhost = "::1"\n')
    settings = load(tmp_path, {"DAVSERVER_PORT": "2", "DAVSERVER_WORKERS": "4", "HOME": "/"}, given={"port": 5})
    assert (settings.port, settings.workers, settings.threads, settings.host) == (5, 4, 7, "::1")


def test_a_named_file_replaces_the_one_in_the_data_directory(tmp_path: Path) -> None:
    """--config, else DAVSERVER_CONFIG, else <data>/davserver.toml."""
    written(tmp_path, "port = 1\n")
    named, other = tmp_path / "named.toml", tmp_path / "other.toml"
    named.write_text("port = 2\n")
    other.write_text("port = 3\n")
    environment = {"DAVSERVER_CONFIG": str(other)}
    assert load(tmp_path, environment, config=named).port == 2
    assert load(tmp_path, environment).port == 3
    assert load(tmp_path, {}).port == 1
    assert load(None, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "unknown key 'prot'; did you mean 'port'?"),
        ("trusted_proxy = []", "did you mean 'trusted_proxies'?"),
        ("zzzzzz = 1", "known are: host, port"),
        ("port = 70000", "port must lie between 0 and 65535, not 70000"),
        ('port = "80"', "port must be a whole number"),
        ("port = true", "port must be a whole number"),
        ("account_password_on_dav = 1", "must be true or false"),
        ('log = "xml"', "log must be one of json, human"),
        ('trusted_proxies = "10.0.0.1"', "must be a list of texts"),
        ('trusted_proxies = ["proxy"]', "is no address or network"),
        ('public_url = "gremium.example.org"', "must look like https://"),
        ('tls_cert = "a.pem"', "belong together"),
        ("connections = 500", "kept_connections can be at most connections, 500; lower it, or raise connections"),
        ("login_failures = 60", "login_failures can be at most login_failures_per_net, 50"),
        ("draw_bytes = 1000", "draw_bytes must lie between 268435456 and 68719476736, not 1000"),
        ("session_hours = 0", "session_hours must lie between 1 and 168, not 0"),
        ('public_url = "https://x.org"\naccount_password_on_dav = true', "use app passwords"),
        ('oidc_issuer = "https://login.example"', "oidc_issuer needs oidc_name"),
        (f'oidc_issuer = "http://login.example"\n{PROVIDER}', "oidc_issuer must look like https://"),
        (f'oidc_issuer = "https://login.example?x=1"\n{PROVIDER}', "oidc_issuer must look like https://"),
        ("port = ", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    """One sentence that says which and why."""
    with pytest.raises(SettingsError) as refused:
        load(written(tmp_path, text), {})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("DAVSERVER_PROT", "1", "did you mean 'port'?"),
        ("DAVSERVER_PORT", "many", "write a whole number"),
        ("DAVSERVER_ACCOUNT_PASSWORD_ON_DAV", "maybe", "write true or false"),
    ],
)
def test_the_environment_is_checked_alike(variable: str, text: str, told: str) -> None:
    """DAVSERVER_* names a key, or is an error."""
    with pytest.raises(SettingsError, match=re.escape(told)):
        load(None, {variable: text})


def test_the_environment_is_read_in_the_type_of_its_key() -> None:
    """Lists with commas, switches as words."""
    settings = load(
        None,
        {
            "DAVSERVER_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16",
            "DAVSERVER_ACCOUNT_PASSWORD_ON_DAV": "yes",
            "DAVSERVER_DATA": "/srv",
            "DAVSERVER_KEY": "/key",
        },
    )
    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert settings.account_password_on_dav


def test_the_shipped_file_explains_every_key_with_its_default(tmp_path: Path) -> None:
    """config/davserver.toml: uncommented it is the defaults, and nothing is missing."""
    lines = shipped("davserver.toml").read_text().splitlines()
    keys = [match[1] for line in lines if (match := re.match(r"# (\w+ = .*)", line))]
    assert {key.split(" = ")[0] for key in keys} == set(FIELDS)
    (tmp_path / "davserver.toml").write_text("\n".join(keys))
    assert load(tmp_path, {}) == Settings()
    (tmp_path / "davserver.toml").write_text("\n".join(lines))
    assert load(tmp_path, {}) == Settings()


def test_a_server_without_the_secret_that_it_is_told_of_does_not_start(founded: Run, tmp_path: Path) -> None:
    """Better at once than at the first sign-in; the sentence names the setting and the file."""
    (tmp_path / "drive" / "davserver.toml").write_text(
        f'oidc_issuer = "https://login.example"\noidc_client_secret = "client.secret"\n{PROVIDER}\n'
    )
    said = founded("serve", "--port", "0")
    assert said.code == 1
    assert "oidc_client_secret: the file" in said.err
    assert "client.secret cannot be read: FileNotFoundError" in said.err
