"""Mails that wait to be sent, and what became of those that did.

What a mail says holds links, which are secrets: it is kept sealed, and deleted once the mail is sent. Releases before
this one send no mail, and know nothing of the table.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

_STATEMENTS = (
    # `requester` and `lease` are random or keyed digests. While a worker has a mail, `due_at` is the end of its lease.
    """
    CREATE TABLE mail_outbox (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        recipient text NOT NULL,
        subject uuid,
        requester bytea,
        is_requested boolean NOT NULL,
        sealed bytea,
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        last_error text,
        created_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        finished_at timestamptz,
        lease uuid,
        CHECK (state <> 'queued' OR sealed IS NOT NULL),
        CHECK (state <> 'sent' OR sealed IS NULL),
        CHECK ((state = 'queued') = (finished_at IS NULL))
    )
    """,
    "CREATE INDEX mail_outbox_due ON mail_outbox (due_at) WHERE state = 'queued'",
    "CREATE INDEX mail_outbox_finished ON mail_outbox (finished_at) WHERE state <> 'queued'",
    # For the limits, which count what was asked for.
    "CREATE INDEX mail_outbox_recipient ON mail_outbox (lower(recipient), created_at) WHERE is_requested",
    "CREATE INDEX mail_outbox_requester ON mail_outbox (requester, created_at) WHERE is_requested",
    "CREATE INDEX mail_outbox_created ON mail_outbox (created_at, id)",
    """
    CREATE FUNCTION notify_mail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('valetkey_mail', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER notify_mail AFTER INSERT ON mail_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION notify_mail()
    """,
)


def upgrade() -> None:
    """A table, its indexes, and a trigger that wakes the workers."""
    for statement in _STATEMENTS:
        op.execute(statement)
