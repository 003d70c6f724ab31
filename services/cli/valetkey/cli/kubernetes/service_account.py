"""Who this pod is to the API server of its cluster."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from valetkey.cli.failure import Misconfigured

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who this pod is: files that Kubernetes mounts, the token of which it renews."""

    directory: Path = SERVICE_ACCOUNT

    @property
    def namespace(self) -> str:
        """The namespace of this pod. Raises ``Misconfigured``."""
        return self._read("namespace")

    @property
    def token(self) -> str:
        """The token of now. Raises ``Misconfigured``."""
        return self._read("token")

    def tls(self) -> ssl.SSLContext:
        """Trusts only the certificate authority of this cluster. Raises ``Misconfigured``."""
        try:
            return ssl.create_default_context(cafile=self.directory / "ca.crt")
        except OSError as error:
            raise self._missing("ca.crt", error) from error

    def _read(self, name: str) -> str:
        try:
            return (self.directory / name).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self._missing(name, error) from error

    def _missing(self, name: str, error: Exception) -> Misconfigured:
        return Misconfigured(
            f"{self.directory / name} cannot be read ({error}). Run this in a pod with a service account and "
            "automountServiceAccountToken: true, or use --print and apply the manifest yourself."
        )
