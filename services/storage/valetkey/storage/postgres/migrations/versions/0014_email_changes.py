"""Changes of e-mail addresses that their users make: links that end with the address, and mails that end with the user.

`users.email_epoch` counts the changes of the address, by the user or an operator. A link keeps the number it was
made at, so that a password cannot be reset by a mail to an address that is no longer the user's, even if it becomes so
again.

A release that does not know the column changes the address without it, as an operator does: then `email_floor` follows,
and the links that undo changes of before are worth nothing. A change by the user raises `email_epoch` itself and leaves
the floor.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

_STATEMENTS = (
    """
    ALTER TABLE users ADD COLUMN email_epoch bigint NOT NULL DEFAULT 0, ADD COLUMN email_floor bigint NOT NULL DEFAULT 0
    """,
    # `email` is the address that the link is about: to be confirmed, or to be brought back.
    "ALTER TABLE account_tokens ADD COLUMN email text, ADD COLUMN email_epoch bigint",
    """
    CREATE FUNCTION keep_email_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.email_epoch := greatest(NEW.email_epoch, OLD.email_epoch);
        NEW.email_floor := OLD.email_floor;
        IF NEW.email IS DISTINCT FROM OLD.email AND NEW.email_epoch = OLD.email_epoch THEN
            NEW.email_epoch := OLD.email_epoch + 1;
            NEW.email_floor := NEW.email_epoch;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_email_epoch BEFORE UPDATE OF email, email_epoch, email_floor ON users
    FOR EACH ROW EXECUTE FUNCTION keep_email_epoch()
    """,
    # The mails that wait end with the user they are about; a role that deletes users may delete no mail by itself.
    "CREATE INDEX mail_outbox_subject ON mail_outbox (subject) WHERE state <> 'sent'",
    """
    CREATE FUNCTION forget_mails() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        DELETE FROM mail_outbox WHERE subject = OLD.subject AND state <> 'sent';
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER forget_mails AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION forget_mails()",
)


def upgrade() -> None:
    """Four columns, an index, and two triggers."""
    for statement in _STATEMENTS:
        op.execute(statement)
