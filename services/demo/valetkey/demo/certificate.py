"""The certificate of a demo whose issuer is an https URL: its own authority, trusted by what is told to trust it."""

from __future__ import annotations

import os
import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from valetkey.demo.data_directory import open_private
from valetkey.demo.free_port import LOOPBACK
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from datetime import datetime

NAME = "certificate.pem"
KEY_NAME = "certificate.key"
_COMMON_NAME = "Valetkey demo"
# Browsers take no certificate that is good for longer than 398 days.
_LIFETIME = timedelta(days=365)
_LEAST_LEFT = timedelta(days=1)
_SLACK = timedelta(minutes=5)


def certificate_in(directory: Path) -> Path:
    """The certificate that is there and good for a day yet, or a new one; its key, ``KEY_NAME``, is for us alone."""
    path, now = directory / NAME, system_clock()
    if not _is_good(path, now) or not (directory / KEY_NAME).exists():
        make_certificate(path)
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    """How the front door shows it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


def trusting(certificate: Path) -> ssl.SSLContext:
    """How a client of the issuer checks it, and no other."""
    return ssl.create_default_context(cafile=str(certificate))


def _is_good(path: Path, now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    return found.not_valid_after_utc - now > _LEAST_LEFT


def make_certificate(path: Path, lifetime: timedelta = _LIFETIME) -> Path:
    """Write a new certificate for the loopback address, and its key beside it, for us alone; where the key is."""
    now, key, key_path = system_clock(), ec.generate_private_key(ec.SECP256R1()), path.with_suffix(".key")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _COMMON_NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + lifetime) - _SLACK)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_path.unlink(missing_ok=True)
    with os.fdopen(open_private(key_path), "wb") as file:
        file.write(private)
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path
