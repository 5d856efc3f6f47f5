"""A test authority and a certificate that it gave to this machine, as files; how a client is made to trust them."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.foreign import lacking, need

NAME = "localhost"
BUNDLE = "ca-certificates.crt"
TRUST = 'mount --bind "$0" /etc/ssl/certs && exec "$@"'


@dataclass(frozen=True)
class Authority:
    """Files of one test authority, and of one server certificate that it signed."""

    trusted: Path
    """A directory in the form of Debian's /etc/ssl/certs, with this authority alone in it."""
    certificate: Path
    key: Path

    @property
    def bundle(self) -> Path:
        """The authority's own certificate."""
        return self.trusted / BUNDLE

    @property
    def context(self) -> ssl.SSLContext:
        """Trusts this authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.bundle))

    def machine_wide(self, *words: str) -> list[str]:
        """The command on a machine that trusts this authority, as after `update-ca-certificates`.

        For clients that have no option of their own: they see another /etc/ssl/certs, in a mount namespace of theirs.
        """
        if os.geteuid() != 0:
            lacking("a mount namespace needs root")
        return [need("unshare"), "--mount", "sh", "-c", TRUST, str(self.trusted), *words]


def make_authority(directory: Path) -> Authority:
    """Make all of it: ECDSA on P-256, valid for a day, for `localhost` and 127.0.0.1."""
    (directory / "trusted").mkdir()
    directory.chmod(0o755)
    made = Authority(directory / "trusted", directory / "chain.pem", directory / "key.pem")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = (
        _drafted("Gremium test authority", authority_key)
        .issuer_name(_name("Gremium test authority"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _drafted(NAME, key)
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_identifier(authority_key), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made.bundle.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.touch(0o600)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (made.trusted / "authority.pem").write_bytes(made.bundle.read_bytes())
    subprocess.run([need("openssl"), "rehash", str(made.trusted)], check=True, capture_output=True)
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _drafted(common: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
