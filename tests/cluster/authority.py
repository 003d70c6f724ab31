"""The certificates of a cluster: one authority, and a name for each program that speaks to another."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LIFETIME, _SLACK = timedelta(days=1), timedelta(minutes=5)


class Authority:
    """Writes what it makes into ``directory``: ``ca.crt``, and ``<file>.crt`` with ``<file>.key``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("valetkey-node-ca")
        self.certificate = directory / "ca.crt"
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate.write_bytes(self._sign(self._name, self._key.public_key(), ca, []))

    def issue(self, file: str, name: str, group: str = "", addresses: Sequence[str] = ()) -> tuple[Path, Path]:
        """A certificate and its key, for a client and for a server at these addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = x509.BasicConstraints(ca=False, path_length=None)
        certificate, secret = self.directory / f"{file}.crt", self.directory / f"{file}.key"
        certificate.write_bytes(self._sign(_named(name, group), key.public_key(), leaf, addresses))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        return certificate, secret

    def kubeconfig(self, server: str, file: str, name: str, group: str = "") -> Path:
        """Where a program finds the API server, and who it is there."""
        certificate, secret = self.issue(file, name, group)
        path = self.directory / f"{file}.kubeconfig"
        user = {"client-certificate": str(certificate), "client-key": str(secret)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": server, "certificate-authority": str(self.certificate)}}],
            "users": [{"name": "it", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        }
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        constraints: x509.BasicConstraints,
        addresses: Sequence[str],
    ) -> bytes:
        now = system_clock()
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SLACK)
            .not_valid_after(now + _LIFETIME)
            .add_extension(constraints, critical=True)
        )
        if addresses:
            names = x509.SubjectAlternativeName([_general_name(each) for each in addresses])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name: str, group: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _general_name(address: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(address)) if address[0].isdigit() else x509.DNSName(address)
