-- The roles of Valetkey, one for each service and one for all of them in one process. Run it once with psql, as an administrator of PostgreSQL, in the database
-- that is Valetkey's own; run it again to exchange passwords:
--
--   psql "$ADMIN_URL/valetkey" -f roles.sql -v authorize_password=... -v token_password=... \
--        -v introspection_password=... -v mailer_password=... -v compact_password=... \
--        -v key_rotation_password=... -v migration_password=... -v operator_password=...
--
-- A password that is not given as a variable is taken from the environment: VALETKEY_AUTHORIZE_PASSWORD and so on, or the
-- file that VALETKEY_AUTHORIZE_PASSWORD_FILE names. Without any, a new role has none, as for certificates, and an existing
-- role keeps the one it has. What each role may do with each table comes with every release: `valetkey migrate up`.

\set ON_ERROR_STOP on
\set QUIET on

\if :{?authorize_password} \else
  \set authorize_password `printf %s "${VALETKEY_AUTHORIZE_PASSWORD:-$(cat "${VALETKEY_AUTHORIZE_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?token_password} \else
  \set token_password `printf %s "${VALETKEY_TOKEN_PASSWORD:-$(cat "${VALETKEY_TOKEN_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?introspection_password} \else
  \set introspection_password `printf %s "${VALETKEY_INTROSPECTION_PASSWORD:-$(cat "${VALETKEY_INTROSPECTION_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?mailer_password} \else
  \set mailer_password `printf %s "${VALETKEY_MAILER_PASSWORD:-$(cat "${VALETKEY_MAILER_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?compact_password} \else
  \set compact_password `printf %s "${VALETKEY_COMPACT_PASSWORD:-$(cat "${VALETKEY_COMPACT_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?key_rotation_password} \else
  \set key_rotation_password `printf %s "${VALETKEY_KEY_ROTATION_PASSWORD:-$(cat "${VALETKEY_KEY_ROTATION_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?migration_password} \else
  \set migration_password `printf %s "${VALETKEY_MIGRATION_PASSWORD:-$(cat "${VALETKEY_MIGRATION_PASSWORD_FILE:-/dev/null}")}"`
\endif
\if :{?operator_password} \else
  \set operator_password `printf %s "${VALETKEY_OPERATOR_PASSWORD:-$(cat "${VALETKEY_OPERATOR_PASSWORD_FILE:-/dev/null}")}"`
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
-- Keeps the passwords out of the log, where the role that runs this may set that.
SELECT set_config(name, value, TRUE)
FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic'))
    AS silence (name, value)
WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
\g /dev/null
-- Two runs at once, as by two containers, follow one another.
SELECT pg_advisory_xact_lock(5830412967734) \g /dev/null

CREATE TEMPORARY TABLE valetkey_roles (name text PRIMARY KEY, password text NOT NULL) ON COMMIT DROP;
INSERT INTO valetkey_roles VALUES
    ('valetkey_migration', :'migration_password'),
    ('valetkey_authorize', :'authorize_password'),
    ('valetkey_token', :'token_password'),
    ('valetkey_introspection', :'introspection_password'),
    ('valetkey_mailer', :'mailer_password'),
    ('valetkey_compact', :'compact_password'),
    ('valetkey_key_rotation', :'key_rotation_password'),
    ('valetkey_operator', :'operator_password');

SELECT format('CREATE ROLE %I LOGIN NOINHERIT', name)
FROM valetkey_roles WHERE name NOT IN (SELECT rolname FROM pg_roles) ORDER BY name
\gexec

SET LOCAL password_encryption = 'scram-sha-256';
SELECT format('ALTER ROLE %I PASSWORD %L', name, password)
FROM valetkey_roles WHERE password <> '' ORDER BY name
\gexec

-- No other role may connect, and only the migration may create objects.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
UNION ALL SELECT 'REVOKE ALL ON SCHEMA public FROM PUBLIC'
UNION ALL SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name) FROM valetkey_roles
UNION ALL SELECT format('GRANT USAGE ON SCHEMA public TO %I', name) FROM valetkey_roles
UNION ALL SELECT 'GRANT CREATE ON SCHEMA public TO valetkey_migration'
\gexec

-- An installation that began with one role for everything hands over what is there. Extensions keep what is theirs.
SELECT format('ALTER %s %s OWNER TO valetkey_migration', kind, thing)
FROM (
    SELECT 'TABLE', oid::regclass::text, oid, relowner FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    UNION ALL
    SELECT 'FUNCTION', oid::regprocedure::text, oid, proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS things (kind, thing, oid, owner)
WHERE owner <> 'valetkey_migration'::regrole
    AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = things.oid AND deptype = 'e')
ORDER BY kind, thing
\gexec

COMMIT;
