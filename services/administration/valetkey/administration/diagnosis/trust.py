"""Who vouches for the servers that are connected to: which files of certificate authorities, whose, and until when."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, unwell, well
from valetkey.runtime.settings.settings import Settings

_SOON = timedelta(days=30)
_SHOWN = 3
# More than that are the authorities of the world, not one's own.
_BUNDLE = 10
_VERIFY = "Write sslmode=verify-full with sslrootcert=/path/ca.pem (postgres.rootCertSecret of the chart)."
_VERIFY_HOST = "Write sslmode=verify-full, so that the host counts too, not its CA alone."
_RENEW = (
    "Put the CA that comes next beside it into the same file, before the server's certificate is signed by that one."
)
_REPLACE = "Put the CA into the file that signs the server's certificate now."
_OF_THE_MACHINE = "the CAs of this machine"


def examine_trust(settings: Settings, answered: Collection[str], now: datetime) -> list[Finding]:
    """One finding for each connection; ``answered`` are the checks of those that were made, such as ``postgres``."""
    findings = [_postgres("postgres", settings.postgres_dsn.reveal(), answered, now)]
    if settings.postgres_listen_dsn.is_set:
        findings.append(_postgres("postgres listen", settings.postgres_listen_dsn.reveal(), (), now))
    if settings.redis_url.is_set:
        findings.append(_redis(settings.redis_url.reveal(), answered, now))
    if settings.issuer.startswith("https:"):
        findings.append(_of_the_machine("issuer TLS", now, is_verified="metadata" in answered))
    return findings


def _postgres(store: str, url: str, answered: Collection[str], now: datetime) -> Finding:
    check, query = f"{store} TLS", parse_qs(urlsplit(url).query)
    mode = query.get("sslmode", ["prefer"])[0]
    if mode in {"disable", "allow"}:
        return well(check, f"not encrypted (sslmode={mode})")
    if mode == "prefer":
        return well(check, "encrypted where the server offers it, and not verified (sslmode=prefer)")
    authority = query.get("sslrootcert", [""])[0]
    if not authority:
        return doubtful(check, f"encrypted, and the server's certificate is not verified (sslmode={mode})", _VERIFY)
    found = _authority(check, Path(authority), f"sslmode={mode}", is_verified=store in answered, now=now)
    if mode != "verify-full" and not found.next_step:
        return doubtful(check, f"{found.detail}; the host is not looked at", _VERIFY_HOST)
    return found


def _redis(url: str, answered: Collection[str], now: datetime) -> Finding:
    parts = urlsplit(url)
    if not parts.scheme.startswith("rediss"):
        return well("redis TLS", f"not encrypted ({parts.scheme}://)")
    if not (authority := parse_qs(parts.query).get("ssl_ca_certs", [""])[0]):
        return _of_the_machine("redis TLS", now, is_verified="redis" in answered)
    return _authority("redis TLS", Path(authority), parts.scheme, is_verified="redis" in answered, now=now)


def _of_the_machine(check: str, now: datetime, *, is_verified: bool) -> Finding:
    paths = ssl.get_default_verify_paths()
    place = paths.cafile or paths.capath or "none"
    file = Path(place)
    # SSL_CERT_FILE names a private authority mostly.
    if file.is_file() and 0 < _count(file) <= _BUNDLE:
        return _authority(check, file, paths.openssl_cafile_env, is_verified=is_verified, now=now)
    verified = ", which verify the connection" if is_verified else ""
    return well(check, f"{_OF_THE_MACHINE} ({place}){verified}")


def _authority(check: str, file: Path, how: str, *, is_verified: bool, now: datetime) -> Finding:
    """The certificates of one file, and whether the connection was verified by them."""
    verdict = f"verifies the connection ({how})" if is_verified else f"{how}; the connection was not made"
    if (count := _count(file)) > _BUNDLE:
        return well(check, f"{file}: {count} certificates; {verdict}")
    certificates = sorted(_certificates(file), key=lambda each: each.not_valid_after_utc, reverse=True)
    if not certificates:
        return skipped(check, f"{file} cannot be read as certificates", "Give the CA in PEM.")
    shown = [f"{_name(each)} until {each.not_valid_after_utc:%Y-%m-%d}" for each in certificates[:_SHOWN]]
    more = f" and {len(certificates) - _SHOWN} more" if len(certificates) > _SHOWN else ""
    detail = f"{file}: {', '.join(shown)}{more}; {verdict}"
    last = certificates[0].not_valid_after_utc
    if last <= now:
        return unwell(check, f"{detail}; expired", _REPLACE)
    if last - now <= _SOON:
        return doubtful(check, f"{detail}; expires within {_SOON.days} days", _RENEW)
    return well(check, detail)


def _count(file: Path) -> int:
    try:
        return file.read_bytes().count(b"-----BEGIN ")
    except OSError:
        return 0


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return []


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"
