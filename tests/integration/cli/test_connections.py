"""A store that does not answer: for which of the many reasons, what to do, and whether trying again may help."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from support.operator_cli import Operator
from support.pgbouncer import PgBouncer, find_pgbouncer
from support.scripted_redis import ScriptedRedis
from valetkey.cli.exit_code import ExitCode
from valetkey.demo.certificate import make_certificate
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

CANARY = "canary-3f1e"
POSTGRES = {
    "password": ("refuses the password", "Correct VALETKEY_POSTGRES_PASSWORD", ExitCode.CONFIGURATION),
    "user": ("refuses the password", "Correct VALETKEY_POSTGRES_PASSWORD", ExitCode.CONFIGURATION),
    "database": ("has no such database", "Create it, or correct the database", ExitCode.CONFIGURATION),
    "port": ("cannot be reached", "Check that it runs where VALETKEY_POSTGRES_DSN says", ExitCode.UNAVAILABLE),
    "host": ("host has no address", "Correct the host in VALETKEY_POSTGRES_DSN", ExitCode.UNAVAILABLE),
    "TLS": ("cannot be reached", "rejected SSL upgrade", ExitCode.UNAVAILABLE),
    "file of the CA": ("sslrootcert", "mount it, or correct the path", ExitCode.CONFIGURATION),
}
REDIS = {
    "password": ("refuses the user or the password", "Correct VALETKEY_REDIS_PASSWORD", ExitCode.CONFIGURATION),
    "database": ("has no database of this number", "Correct the number", ExitCode.CONFIGURATION),
    "port": ("cannot be reached", "Check that it runs where VALETKEY_REDIS_URL says", ExitCode.UNAVAILABLE),
    "host": ("host has no address", "Correct the host in VALETKEY_REDIS_URL", ExitCode.UNAVAILABLE),
    "TLS": ("cannot be reached", "Check that it runs where VALETKEY_REDIS_URL says", ExitCode.UNAVAILABLE),
    "file of the CA": ("ssl_ca_certs", "mount it, or correct the path", ExitCode.CONFIGURATION),
}


def postgres_url(url: str, what: str) -> str:
    """The URL with this wrong in it."""
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}"
    match what:
        case "password":
            return urlunsplit(parts._replace(netloc=f"{parts.username}:{CANARY}@{host}"))
        case "user":
            return urlunsplit(parts._replace(netloc=f"stranger:{CANARY}@{host}"))
        case "database":
            return urlunsplit(parts._replace(path="/elsewhere"))
        case "port":
            return urlunsplit(parts._replace(netloc=f"u:{CANARY}@{parts.hostname}:9"))
        case "host":
            return urlunsplit(parts._replace(netloc=f"u:{CANARY}@db.invalid"))
        case "TLS":
            return f"{url}?sslmode=require"
        case _:
            return f"{url}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"


def redis_url(url: str, what: str) -> str:
    """The URL with this wrong in it."""
    parts = urlsplit(url)
    match what:
        case "password":
            return urlunsplit(parts._replace(netloc=f":{CANARY}@{parts.hostname}:{parts.port}"))
        case "database":
            return urlunsplit(parts._replace(path="/99"))
        case "port":
            return urlunsplit(parts._replace(netloc=f":{CANARY}@{parts.hostname}:9"))
        case "host":
            return urlunsplit(parts._replace(netloc=f":{CANARY}@cache.invalid"))
        case "TLS":
            return urlunsplit(parts._replace(scheme="rediss"))
        case _:
            return urlunsplit(parts._replace(scheme="rediss", query="ssl_ca_certs=/nowhere/ca.pem"))


def require_told(wrong: Operator, command: tuple[str, ...], expected: tuple[str, str, ExitCode]) -> None:
    """The command and the doctor say what is the matter and what to do, and no secret."""
    outcome, examined = wrong.run(*command), wrong.run("doctor")

    sentence, advice, code = expected
    assert sentence in outcome.err
    assert advice in outcome.err
    assert (outcome.exit_code, outcome.out) == (code, "")
    assert sentence in examined.out
    assert advice in examined.out + examined.err
    said = outcome.err + examined.out + examined.err
    assert "Traceback" not in said
    assert CANARY not in said


@pytest.mark.requirement("operations: no traceback reaches an operator")
@pytest.mark.parametrize("what", POSTGRES)
def test_each_way_to_miss_postgresql_has_its_sentence(operator: Operator, what: str) -> None:
    url = postgres_url(operator.environment["VALETKEY_POSTGRES_DSN"], what)

    require_told(operator.with_variables(postgres_dsn=url), ("user", "list"), POSTGRES[what])


@pytest.mark.requirement("operations: no traceback reaches an operator")
@pytest.mark.parametrize("what", REDIS)
def test_each_way_to_miss_redis_has_its_sentence(operator: Operator, what: str) -> None:
    url = redis_url(operator.environment["VALETKEY_REDIS_URL"], what)

    require_told(operator.with_variables(redis_url=url), ("revocation", "reload"), REDIS[what])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback address that only its own authority would trust."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    make_certificate(path)
    return path


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA that has signed nothing here."""
    path = tmp_path_factory.mktemp("tls") / "other.pem"
    make_certificate(path)
    return path


@pytest.fixture(scope="module")
def encrypted(postgres_server: EmbeddedPostgres, certificate: Path) -> Iterator[PgBouncer]:
    if find_pgbouncer() is None:
        pytest.skip("there is no pgbouncer on this machine: apt-get install pgbouncer")
    with PgBouncer(postgres_server.dsn, certificate=certificate) as pooler:
        yield pooler


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_certificate_of_another_ca_is_named_and_the_right_one_taken(
    operator: Operator, encrypted: PgBouncer, certificate: Path, other_authority: Path, mode: str
) -> None:
    url = f"{encrypted.dsn_of(operator.environment['VALETKEY_POSTGRES_DSN'])}?sslmode={mode}&sslrootcert="
    there = operator.with_variables(postgres_pooler="transaction")

    trusted = there.with_variables(postgres_dsn=f"{url}{certificate}").run("user", "list")
    refused = there.with_variables(postgres_dsn=f"{url}{other_authority}").run("user", "list")

    assert trusted.exit_code == ExitCode.OK
    assert refused.exit_code == ExitCode.CONFIGURATION
    assert "PostgreSQL's certificate is not trusted" in refused.err
    assert "Name the CA that signed it in VALETKEY_POSTGRES_DSN" in refused.err


def test_the_doctor_says_which_ca_verified_the_connection(
    operator: Operator, encrypted: PgBouncer, certificate: Path, other_authority: Path
) -> None:
    url = f"{encrypted.dsn_of(operator.environment['VALETKEY_POSTGRES_DSN'])}?sslmode=verify-full&sslrootcert="
    there = operator.with_variables(postgres_pooler="transaction")

    def found(authority: Path) -> str:
        findings = there.with_variables(postgres_dsn=f"{url}{authority}").run("doctor", "-o", "json").json
        (detail,) = (finding["detail"] for finding in findings if finding["check"] == "postgres TLS")
        return str(detail)

    assert f"{certificate}: CN=Valetkey demo until " in found(certificate)
    assert "; verifies the connection (sslmode=verify-full)" in found(certificate)
    assert f"{other_authority}: CN=Valetkey demo until " in found(other_authority)
    assert "; sslmode=verify-full; the connection was not made" in found(other_authority)


def test_a_file_that_is_no_certificate_is_named(operator: Operator, encrypted: PgBouncer, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not PEM")
    url = encrypted.dsn_of(operator.environment["VALETKEY_POSTGRES_DSN"])

    outcome = operator.with_variables(postgres_dsn=f"{url}?sslmode=verify-full&sslrootcert={tmp_path / 'ca.pem'}").run(
        "user", "list"
    )

    assert outcome.exit_code == ExitCode.CONFIGURATION
    assert "sslrootcert" in outcome.err


@pytest.fixture
async def encrypted_redis(certificate: Path) -> AsyncIterator[ScriptedRedis]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    async with ScriptedRedis(tls=tls) as server:
        yield server


async def test_a_certificate_of_redis_by_another_ca_is_named(
    operator: Operator, encrypted_redis: ScriptedRedis, other_authority: Path
) -> None:
    wrong = operator.with_variables(redis_url=f"{encrypted_redis.url}?ssl_ca_certs={other_authority}")

    outcome = await asyncio.to_thread(wrong.run, "revocation", "reload")

    assert outcome.exit_code == ExitCode.CONFIGURATION
    assert "Redis's certificate is not trusted" in outcome.err
    assert "Name the CA that signed it in VALETKEY_REDIS_URL" in outcome.err


def test_settings_are_shown_while_they_are_incomplete(operator: Operator) -> None:
    wrong = operator.with_variables(postgres_dsn=f"postgresql://u:{CANARY}@db/v?connect_timeout=10", port="http")

    shown = wrong.run("config", "show", "--service", "all", "-o", "json")

    assert shown.exit_code == ExitCode.OK
    assert shown.json["VALETKEY_POSTGRES_DSN"] is None
    assert shown.json["VALETKEY_PORT"] is None
    assert shown.json["VALETKEY_REDIS_URL"] == "***"
    assert "VALETKEY_POSTGRES_DSN has connect_timeout: remove it" in shown.err
    assert CANARY not in shown.out + shown.err
