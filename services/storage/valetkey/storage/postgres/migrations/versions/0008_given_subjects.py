"""Users whose subject was given to them elsewhere, and what makes a list of a million users fast.

``sub`` is what tokens say of such a user; for every other user it is NULL, and tokens say ``subject``. A user with a
``sub`` has the ``subject`` that ``subject_of`` in core makes of it, so that nothing else needs to know of the column.
A release up to 0.2 calls such a user by ``subject``: users with a ``sub`` come once every replica runs this release.

No shape tells a ``sub`` from the names of clients. RFC 9700 §4.15. So both are in one table, whose key keeps them
apart at every isolation level. The triggers of migration 0003 go on keeping UUIDs apart.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

# The column comes last, because only it keeps readers waiting.
_STATEMENTS = (
    'CREATE INDEX users_by_username ON users (username COLLATE "C")',
    'CREATE INDEX login_names_by_prefix ON login_names (name_key COLLATE "C")',
    """
    CREATE TABLE token_subjects (
        name text COLLATE "C" PRIMARY KEY
    )
    """,
    """
    CREATE FUNCTION keep_client_subject() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM token_subjects WHERE name = OLD.client_id;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO token_subjects (name) VALUES (NEW.client_id);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION keep_user_subject() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM token_subjects WHERE name = OLD.sub;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO token_subjects (name) SELECT NEW.sub WHERE NEW.sub IS NOT NULL;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_subject AFTER INSERT OR DELETE ON clients
    FOR EACH ROW EXECUTE FUNCTION keep_client_subject()
    """,
    """
    CREATE TRIGGER keep_renamed_subject AFTER UPDATE OF client_id ON clients
    FOR EACH ROW WHEN (NEW.client_id <> OLD.client_id) EXECUTE FUNCTION keep_client_subject()
    """,
    "INSERT INTO token_subjects (name) SELECT client_id FROM clients",
    "ALTER TABLE users ADD COLUMN sub text",
    """
    CREATE TRIGGER keep_subject AFTER INSERT ON users
    FOR EACH ROW WHEN (NEW.sub IS NOT NULL) EXECUTE FUNCTION keep_user_subject()
    """,
    """
    CREATE TRIGGER keep_renamed_subject AFTER UPDATE OF sub ON users
    FOR EACH ROW WHEN (NEW.sub IS DISTINCT FROM OLD.sub) EXECUTE FUNCTION keep_user_subject()
    """,
    """
    CREATE TRIGGER forget_subject AFTER DELETE ON users
    FOR EACH ROW WHEN (OLD.sub IS NOT NULL) EXECUTE FUNCTION keep_user_subject()
    """,
)


def upgrade() -> None:
    """Two indexes, a table that keeps names apart with its triggers, and a column."""
    for statement in _STATEMENTS:
        op.execute(statement)
