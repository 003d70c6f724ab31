#!/bin/sh
# Makes the secrets of the composed installation, once: what is there is never changed.
# Each is a file that only its container sees. The directory is for the owner alone; the files are readable, because
# the containers run as another user.
set -eu
directory=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$directory"

key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
word() { head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

keep() {
    name=$1
    shift
    [ -s "$directory/$name" ] && return
    "$@" >"$directory/$name.new"
    chmod 0444 "$directory/$name.new"
    mv "$directory/$name.new" "$directory/$name"
}
redis_url() { printf 'redis://:%s@redis:6379/0' "$(cat "$directory/redis-password")"; }
named_key() { printf 'k%s:%s' "$(date +%Y%m%d)" "$(key)"; }

plain_and_key() { printf 'plain,%s' "$(key)"; }

# An installation of a release that knew no sealing keys: what that has written in Redis, and reads there, is not sealed.
# deploy/runbooks/ValetkeyPlainValuesInRedis.md says how to go on.
if [ -s "$directory/cookie-keys" ]; then keep sealing-keys plain_and_key; else keep sealing-keys key; fi
keep refresh-token-keys key
keep cookie-keys key
keep credential-keys key
keep key-encryption-keys named_key
keep redis-password word
keep redis-url redis_url
for role in admin migration authorize token introspection key-rotation operator; do
    keep "postgres-$role-password" word
done
for demo in demo-user-password demo-web-secret demo-machine-secret demo-api-secret; do
    keep "$demo" key
done
