"""What lists sessions page by page, and what ends a client with millions of grants at once.

A client ends by its epoch, so that no grant is touched. Releases that know no epochs see a grant as ended once it is
revoked. They refuse a disabled client anyway, so its grants are revoked when it is enabled again, by whichever release.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

_STATEMENTS = (
    """
    CREATE FUNCTION end_grants() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE authorizations SET revoked_at = NEW.valid_since WHERE client_uid = NEW.uid AND revoked_at IS NULL;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER end_grants AFTER UPDATE OF enabled ON clients
    FOR EACH ROW WHEN (NEW.enabled AND NOT OLD.enabled) EXECUTE FUNCTION end_grants()
    """,
    "CREATE INDEX sessions_by_creation ON sessions (created_at, session_id)",
)


def upgrade() -> None:
    """An index, and a trigger."""
    for statement in _STATEMENTS:
        op.execute(statement)
