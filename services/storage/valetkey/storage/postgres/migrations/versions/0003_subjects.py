"""Subjects: no client is called like a user, nor a user like a client.

The subject of a client's tokens is its client_id, that of a user's is a UUID. RFC 9700 §4.15. No new client_id is a
UUID in any spelling, so one that is made at the same moment as a user cannot be that user's; and no new user has the
UUID of a client that was registered before this migration, which keeps its name and goes on working.

This holds as long as the subjects of users are UUIDs. Where others are allowed, as for users who are imported with
theirs, no shape tells them from the names of clients: both triggers must then look for the name in the other table,
while they hold a lock that is one for both.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    # The digits of a UUID in any spelling and letter case; NULL for everything else.
    """
    CREATE FUNCTION subject_key(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT substring(
            regexp_replace(lower(name COLLATE "C"), '^urn:uuid:|[^0-9a-z]', '', 'g') FROM '^[0-9a-f]{32}$'
        )
    $$
    """,
    # Hardly ever has it a row.
    """
    CREATE INDEX clients_called_like_users ON clients (subject_key(client_id)) WHERE subject_key(client_id) IS NOT NULL
    """,
    # A violated uniqueness, for that is what release 0.1.0 has a sentence for.
    """
    CREATE FUNCTION refuse_client_called_like_user() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF subject_key(NEW.client_id) IS NOT NULL THEN
            RAISE EXCEPTION 'client_id % could be the subject of a user', NEW.client_id
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'clients_called_like_users';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER refuse_called_like_user BEFORE INSERT ON clients
    FOR EACH ROW EXECUTE FUNCTION refuse_client_called_like_user()
    """,
    """
    CREATE TRIGGER refuse_renamed_like_user BEFORE UPDATE OF client_id ON clients
    FOR EACH ROW WHEN (NEW.client_id <> OLD.client_id) EXECUTE FUNCTION refuse_client_called_like_user()
    """,
    """
    CREATE FUNCTION refuse_user_called_like_client() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM clients WHERE subject_key(client_id) = subject_key(NEW.subject::text)) THEN
            RAISE EXCEPTION 'subject % is the client_id of a client', NEW.subject
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'users_called_like_clients';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER refuse_called_like_client BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION refuse_user_called_like_client()
    """,
    """
    CREATE TRIGGER refuse_renamed_like_client BEFORE UPDATE OF subject ON users
    FOR EACH ROW WHEN (NEW.subject <> OLD.subject) EXECUTE FUNCTION refuse_user_called_like_client()
    """,
)


def upgrade() -> None:
    """Triggers that keep the names of clients and of users apart."""
    for statement in _STATEMENTS:
        op.execute(statement)
