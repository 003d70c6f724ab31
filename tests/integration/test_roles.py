"""One database role for each service: what it may do, all it may do, and what it finds out when it tries more."""

import asyncio
import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from support.database_roles import NAMES, as_role, run_roles_sql
from support.fleet import Fleet
from support.operator_cli import Operator, environment_of
from support.repository import ROOT
from support.system import System, test_settings
from support.whole_flow import require_whole_flow
from valetkey.cli.exit_code import ExitCode
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.postgres.schema.migrate import status, upgrade

LEAST_PRIVILEGE = pytest.mark.requirement("security 57: least privilege, a PostgreSQL role per service")
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
LETTERS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
# What a reviewer has agreed to, apart from the code: capitals are for the whole table, small letters for
# some columns only, which are in COLUMNS.
EXPECTED = """
                   authorize  token  introspection  mailer  compact  key_rotation  operator
account_tokens     SIuD       -      -              -       SIuD     -             SIuD
alembic_version    S          S      S              S       S        S             S
authorizations     su         SIuD   -              -       SIuD     -             Su
client_secrets     S          S      S              -       S        -             SIUD
clients            S          Su     S              -       Su       -             SIUD
consents           SIU        su     -              -       SIU      -             SIu
credentials        SIUD       -      -              -       SIUD     -             SD
group_members      S          S      S              -       S        -             SIUD
group_nesting      S          S      S              -       S        -             SIUD
groups             s          s      s              -       s        -             SIUD
installation       S          S      S              -       S        -             Su
key_observations   SIUD       SIUD   SIUD           -       SIUD     S             S
login_names        SID        -      -              -       SID      -             SID
mail_outbox        sI         -      -              SuD     SIuD     -             sIu
published_jwk_set  S          S      S              -       S        SIU           SIU
revocations        SIU        SIUD   S              -       SIUD     -             SIUD
scopes             S          S      S              -       S        -             SIUD
sessions           SIUD       su     -              -       SIUD     -             SD
signing_keys       -          S      -              -       S        SIUD          SIUD
token_subjects     SD         -      -              -       SD       -             SID
user_attributes    S          S      S              -       S        -             SIUD
users              SuD        su     s              -       SuD      -             SIUD
"""
USER = "subject username email email_verified claims enabled valid_since updated_at epoch sub"
USER_CHANGES = "password_hash epoch valid_since updated_at email email_verified email_epoch claims"
MAIL_PROGRESS = "sealed state attempts last_error due_at finished_at lease"
COLUMNS = {
    (
        "authorize",
        "authorizations",
        "SELECT",
    ): (
        "id session_id bound_to_session expires_at revoked_at subject client_uid auth_time created_at rotated_at "
        "idle_expires_at installation_epoch client_epoch user_epoch"
    ),
    **{(role, "account_tokens", "UPDATE"): "created_at" for role in ("authorize", "compact", "operator")},
    ("authorize", "mail_outbox", "SELECT"): "recipient requester is_requested state created_at",
    ("mailer", "mail_outbox", "UPDATE"): MAIL_PROGRESS,
    ("compact", "mail_outbox", "UPDATE"): MAIL_PROGRESS,
    ("operator", "mail_outbox", "SELECT"): (
        "id kind recipient requester is_requested subject state attempts last_error created_at due_at expires_at "
        "finished_at lease"
    ),
    ("operator", "mail_outbox", "UPDATE"): "state due_at finished_at",
    ("authorize", "authorizations", "UPDATE"): "revoked_at",
    **{(role, "users", "UPDATE"): USER_CHANGES for role in ("authorize", "compact")},
    **{(role, "groups", "SELECT"): "name required_acr" for role in ("authorize", "token", "introspection", "compact")},
    ("token", "authorizations", "UPDATE"): (
        "generation rotated_at idle_expires_at revoked_at installation_epoch client_epoch user_epoch"
    ),
    ("token", "clients", "UPDATE"): "updated_at",
    ("token", "consents", "SELECT"): "subject client_uid withdrawn_at epoch",
    ("token", "consents", "UPDATE"): "updated_at",
    ("token", "sessions", "SELECT"): "session_id subject idle_expires_at expires_at",
    ("token", "sessions", "UPDATE"): "used_at",
    ("token", "users", "SELECT"): USER,
    ("token", "users", "UPDATE"): "updated_at",
    ("introspection", "users", "SELECT"): USER,
    ("compact", "authorizations", "UPDATE"): (
        "generation rotated_at idle_expires_at revoked_at installation_epoch client_epoch user_epoch"
    ),
    ("compact", "clients", "UPDATE"): "updated_at",
    ("operator", "authorizations", "UPDATE"): "revoked_at",
    ("operator", "consents", "UPDATE"): "scope resources claims is_given updated_at withdrawn_at epoch",
    ("operator", "installation", "UPDATE"): "epoch",
}
ALLOWED = """
    SELECT role, tablename AS table, privilege,
        has_table_privilege('valetkey_' || role, tablename::regclass, privilege) AS whole,
        ARRAY(
            SELECT attname::text FROM pg_attribute WHERE attrelid = tablename::regclass AND attnum > 0
                AND privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                AND has_column_privilege('valetkey_' || role, attrelid, attnum, privilege)
        ) AS columns
    FROM unnest($1::text[]) AS role, unnest($2::text[]) AS privilege, pg_tables WHERE schemaname = 'public'
"""
# What an attacker who has taken over a service would like to do.
FORBIDDEN = {
    "introspection": [
        "SELECT sealed_private FROM signing_keys",
        "SELECT kid FROM signing_keys",
        "SELECT password_hash FROM users",
        "SELECT * FROM users",
        "SELECT * FROM sessions",
        "SELECT * FROM authorizations",
        "UPDATE authorizations SET revoked_at = NULL",
        "DELETE FROM revocations",
        "UPDATE published_jwk_set SET document = '{}'",
        "UPDATE clients SET enabled = TRUE",
    ],
    "authorize": [
        "SELECT sealed_private FROM signing_keys",
        "INSERT INTO authorizations (id) VALUES (gen_random_uuid())",
        "UPDATE authorizations SET subject = gen_random_uuid()",
        "UPDATE clients SET redirect_uris = '{https://evil.example}'",
        "INSERT INTO client_secrets (id) VALUES (gen_random_uuid())",
        "UPDATE users SET enabled = TRUE",
        "UPDATE users SET username = 'root'",
        "UPDATE users SET email_floor = 0",
        "UPDATE login_names SET subject = gen_random_uuid()",
        "INSERT INTO users (subject) VALUES (gen_random_uuid())",
        "DELETE FROM revocations",
        "DELETE FROM consents",
        "SELECT sealed FROM mail_outbox",
        "UPDATE mail_outbox SET recipient = 'a@evil.example'",
        "DELETE FROM mail_outbox",
    ],
    "token": [
        "SELECT password_hash FROM users",
        "UPDATE users SET password_hash = ''",
        "UPDATE users SET email = 'a@evil.example'",
        "INSERT INTO users (subject) VALUES (gen_random_uuid())",
        "SELECT secret_digest FROM sessions",
        "INSERT INTO sessions (session_id) VALUES (gen_random_uuid())",
        "UPDATE sessions SET expires_at = 'infinity'",
        "UPDATE clients SET scope = '{}'",
        "INSERT INTO client_secrets (id) VALUES (gen_random_uuid())",
        "UPDATE authorizations SET scope = '{everything}'",
        "UPDATE authorizations SET subject = gen_random_uuid()",
        "UPDATE signing_keys SET state = 'active'",
        "DELETE FROM signing_keys",
        "UPDATE published_jwk_set SET document = '{}'",
        "SELECT * FROM login_names",
        "SELECT secret FROM credentials",
    ],
    "compact": [
        "UPDATE users SET enabled = TRUE",
        "UPDATE users SET username = 'root'",
        "UPDATE users SET email_floor = 0",
        "INSERT INTO users (subject) VALUES (gen_random_uuid())",
        "UPDATE clients SET redirect_uris = '{https://evil.example}'",
        "INSERT INTO client_secrets (id) VALUES (gen_random_uuid())",
        "UPDATE authorizations SET subject = gen_random_uuid()",
        "UPDATE signing_keys SET state = 'active'",
        "DELETE FROM signing_keys",
        "UPDATE published_jwk_set SET document = '{}'",
        "DELETE FROM consents",
    ],
    "mailer": [
        "SELECT * FROM users",
        "SELECT * FROM clients",
        "SELECT * FROM sessions",
        "SELECT sealed_private FROM signing_keys",
        "INSERT INTO mail_outbox (id) VALUES (gen_random_uuid())",
        "UPDATE mail_outbox SET recipient = 'a@evil.example'",
        "UPDATE mail_outbox SET expires_at = 'infinity'",
    ],
    "key_rotation": [
        "SELECT * FROM users",
        "SELECT * FROM client_secrets",
        "SELECT * FROM authorizations",
        "DELETE FROM key_observations",
    ],
    "operator": [
        "DROP TABLE revocations",
        "ALTER TABLE users ADD COLUMN spare text",
        "TRUNCATE authorizations",
        "UPDATE authorizations SET subject = gen_random_uuid()",
        "DELETE FROM authorizations",
        "UPDATE consents SET subject = gen_random_uuid()",
        "DELETE FROM consents",
        "SELECT secret_digest FROM sessions WHERE FALSE FOR UPDATE",
        "SELECT sealed FROM mail_outbox",
        "UPDATE mail_outbox SET recipient = 'a@evil.example'",
    ],
}
# What only the migration may do.
DDL = [
    "CREATE TABLE mine (id integer)",
    "CREATE TEMPORARY TABLE mine (id integer)",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE users DISABLE TRIGGER ALL",
    "DROP TABLE sessions",
    "TRUNCATE key_observations",
    "UPDATE alembic_version SET version_num = '0000'",
    "CREATE ROLE mine",
    "SET ROLE valetkey_migration",
    "ALTER DEFAULT PRIVILEGES FOR ROLE valetkey_migration GRANT SELECT ON TABLES TO PUBLIC",
]


def expected() -> dict[tuple[str, str, str], str]:
    """What each role may do: `*` with the whole table, or the columns."""
    header, *lines = EXPECTED.strip().splitlines()
    found = {}
    for line in lines:
        table, *cells = line.split()
        for role, cell in zip(header.split(), cells, strict=True):
            for letter in cell.replace("-", ""):
                privilege = LETTERS[letter.upper()]
                found[role, table, privilege] = "*" if letter.isupper() else COLUMNS[role, table, privilege]
    return found


async def outcome_of(connection: asyncpg.Connection, statement: str) -> type[asyncpg.PostgresError] | None:
    """How PostgreSQL refuses, if it does."""
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        return type(error)
    return None


@pytest.fixture
async def dsn(postgres_server: EmbeddedPostgres, postgres_dsn: str) -> str:
    """A database of the test's own that only the roles may enter."""
    # What is said about a database is not copied with it.
    run_roles_sql(postgres_dsn, {})
    return postgres_dsn


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@LEAST_PRIVILEGE
async def test_every_role_may_do_what_was_agreed_and_nothing_else(owner: asyncpg.Connection) -> None:
    roles = [name for name in NAMES if name != "migration"]

    rows = await owner.fetch(ALLOWED, roles, PRIVILEGES)

    assert {
        (row["role"], row["table"], row["privilege"]): "*" if row["whole"] else " ".join(sorted(row["columns"]))
        for row in rows
        if row["whole"] or row["columns"]
    } == {key: " ".join(sorted(columns.split())) for key, columns in expected().items()}


@LEAST_PRIVILEGE
@pytest.mark.parametrize(
    ("role", "statements"), [(role, (*own, *DDL)) for role, own in FORBIDDEN.items()], ids=FORBIDDEN
)
async def test_a_role_that_reaches_for_what_is_not_its_own_fails(
    dsn: str, role: str, statements: tuple[str, ...]
) -> None:
    connection = await asyncpg.connect(as_role(dsn, role))

    outcomes = {statement: await outcome_of(connection, statement) for statement in statements}

    await connection.close()
    assert outcomes == dict.fromkeys(statements, asyncpg.InsufficientPrivilegeError)


@LEAST_PRIVILEGE
def test_what_each_role_could_do_at_worst_is_written_down() -> None:
    text = (ROOT / "deploy" / "postgres" / "README.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `valetkey_")]
    worst = {
        (role, table, letter)
        for names, writes, *_ in (row for row in rows if re.search(r"` [IUD]+", row[1]))
        for role in re.findall(r"`valetkey_(\w+)`", names)
        for table, letters in re.findall(r"`(\w+)` ([IUD]+)", writes)
        for letter in letters
    }

    assert worst == {(role, table, privilege[0]) for role, table, privilege in expected() if privilege != "SELECT"}


@LEAST_PRIVILEGE
async def test_a_new_table_has_no_privileges_and_other_roles_cannot_connect(
    dsn: str, owner: asyncpg.Connection
) -> None:
    create_role = "CREATE ROLE other_role_of_test LOGIN PASSWORD 'x'"
    await owner.execute("SET ROLE valetkey_migration; CREATE TABLE news (id integer); RESET ROLE")
    await owner.execute(f"DROP ROLE IF EXISTS other_role_of_test; {create_role}")

    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(re.sub("//[^@]+@", "//other_role_of_test:x@", dsn))
        rows = await owner.fetch(ALLOWED, [name for name in NAMES if name != "migration"], PRIVILEGES)
    finally:
        await owner.execute("DROP ROLE other_role_of_test")

    assert [row for row in rows if row["table"] == "news" and (row["whole"] or row["columns"])] == []


@LEAST_PRIVILEGE
async def test_the_migration_owns_every_table_and_function(owner: asyncpg.Connection) -> None:
    owners = await owner.fetch(
        "SELECT DISTINCT tableowner AS name FROM pg_tables WHERE schemaname = 'public' UNION "
        "SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )

    assert [row["name"] for row in owners] == ["valetkey_migration"]


async def test_a_role_with_wrong_privileges_is_named_and_mended_by_the_next_migration(
    dsn: str, owner: asyncpg.Connection
) -> None:
    await owner.execute("REVOKE SELECT (email) ON users FROM valetkey_token; REVOKE ALL ON scopes FROM valetkey_token")
    await owner.execute(
        "GRANT SELECT ON users TO valetkey_introspection; GRANT DELETE ON consents TO valetkey_operator"
    )

    found = (await status(dsn)).grants.sentences
    applied = await upgrade(as_role(dsn, "migration"))
    after = (await status(dsn)).grants

    assert found == [
        "lacks valetkey_token: SELECT on scopes",
        "lacks valetkey_token: SELECT on users (email)",
        "too much valetkey_introspection: SELECT on users",
        "too much valetkey_operator: DELETE on consents",
    ]
    assert applied == ()
    assert not after


async def test_an_operator_sees_what_is_missing_and_types_one_command(
    dsn: str, redis_url: str, owner: asyncpg.Connection
) -> None:
    operator = Operator(environment_of(test_settings("https://id.example", dsn, redis_url)))
    await owner.execute("REVOKE ALL ON sessions FROM valetkey_authorize")

    shown = await asyncio.to_thread(operator.run, "migrate", "status", "-o", "json")
    doctor = await asyncio.to_thread(operator.run, "doctor", "-o", "json")
    await asyncio.to_thread(operator.succeed, "migrate", "up")
    later = await asyncio.to_thread(operator.run, "migrate", "status", "-o", "json")

    assert shown.exit_code == ExitCode.REFUSED
    assert "lacks valetkey_authorize: DELETE on sessions" in shown.json["roles"]
    (finding,) = [each for each in doctor.json if each["check"] == "roles"]
    assert finding["status"] == "failed"
    assert "valetkey migrate up" in finding["next_step"]
    assert (later.exit_code, later.json["roles"]) == (ExitCode.OK, [])


async def test_without_roles_one_owner_does_everything() -> None:
    with EmbeddedPostgres() as server:
        await upgrade(server.dsn)

        found = await status(server.dsn)

    assert not found.pending
    assert not found.grants


@LEAST_PRIVILEGE
async def test_the_services_of_the_tests_run_under_their_roles(system: System) -> None:
    connection = await asyncpg.connect(system.postgres_dsn)

    rows = await connection.fetch(
        "SELECT DISTINCT usename, application_name FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'valetkey %'"
    )

    await connection.close()
    services = {row["application_name"].removesuffix(" listener"): row["usename"] for row in rows}
    assert services == {f"valetkey {name}": f"valetkey_{name}" for name in ("authorize", "token", "introspection")}


@LEAST_PRIVILEGE
@pytest.mark.parametrize("compact", [False, True], ids=["services", "compact"])
async def test_nothing_that_services_do_is_denied_not_even_what_they_do_by_themselves(
    disposable_postgres: EmbeddedPostgres, redis_url: str, *, compact: bool
) -> None:
    dsn, changes = disposable_postgres.dsn_of("valetkey"), {"key_poll_interval": "1s"}
    with System(dsn, redis_url, replicas=2, changes=changes, compact=compact) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))
        for replica in range(2):
            await require_whole_flow(fleet, replica)
        await asyncio.sleep(2)

    assert "permission denied" not in disposable_postgres.log.read_text()
