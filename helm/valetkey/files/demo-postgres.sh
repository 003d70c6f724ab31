# Starts PostgreSQL from any image that has its programs, as any user that the image knows. It makes the database and
# the roles first (with the passwords in the files that VALETKEY_..._PASSWORD_FILE name); a start that is interrupted begins again.
set -eu

if [ ! -d "$PGDATA" ]; then
	new=$PGDATA.new
	rm -rf "$new"
	initdb --pgdata="$new" --username=postgres --pwfile=/run/secrets/valetkey/postgres-admin-password \
		--auth-host=scram-sha-256 --auth-local=trust --encoding=UTF8 --locale=C
	echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
	pg_ctl --pgdata="$new" --options="-c listen_addresses='' -k /tmp" --wait start
	createdb --host=/tmp --username=postgres "$PGDATABASE"
	psql --host=/tmp --username=postgres --no-psqlrc --file=/etc/valetkey/roles.sql
	pg_ctl --pgdata="$new" --mode=fast --wait stop
	mv "$new" "$PGDATA"
fi
exec postgres -c listen_addresses='*' -k /tmp
