#!/bin/sh
# Builds the image of every service that is named, or of all of them, and prints how big they are.
#   TAG=test PYTHON_IMAGE=python:3.11-slim-bookworm deploy/docker/build_images.sh [SERVICE ...]
set -eu
cd "$(dirname "$0")/../.."
tag=${TAG:-dev}
engine=${DOCKER:-docker}
# The build reaches what this machine reaches: its mirrors and proxies.
flags=${BUILD_FLAGS---network host}
[ $# -gt 0 ] || set -- authorize token introspection mailer compact key_rotation cli

version=$(sed -n 's/^version = "\(.*\)"/\1/p' services/runtime/pyproject.toml)
# Given for files that are no checkout, such as those of a release.
revision=${REVISION:-unknown}
modified=${SOURCE_DATE_EPOCH:-1577836800}
if [ -z "${REVISION:-}" ] && head=$(git rev-parse HEAD 2>/dev/null); then
    revision=$head
    modified=$(git log -1 --format=%ct)
    git diff --quiet HEAD -- proto services deploy/docker || revision="$revision-modified"
fi

# pip knows these from a variable or from a file of its own; in the build it has neither.
pip_setting() {
    variable=$1
    eval "value=\${$variable:-}"
    [ -n "$value" ] || value=$(python3 -m pip config get "global.$2" 2>/dev/null || true)
    [ -z "$value" ] || printf '%s=%s' "$variable" "$value"
}
build_arguments() {
    for argument in "$(pip_setting PIP_INDEX_URL index-url)" "$(pip_setting PIP_EXTRA_INDEX_URL extra-index-url)" \
        "$(pip_setting PIP_TRUSTED_HOST trusted-host)"; do
        [ -z "$argument" ] || printf -- '--build-arg %s ' "$argument"
    done
    for variable in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        eval "[ -z \"\${$variable:-}\" ]" || printf -- '--build-arg %s ' "$variable"
    done
    [ -z "${PYTHON_IMAGE:-}" ] || printf -- '--build-arg PYTHON_IMAGE=%s ' "$PYTHON_IMAGE"
}
arguments=$(build_arguments)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for service in "$@"; do
    image="valetkey-$(echo "$service" | tr _ -):$tag"
    echo "building $image"
    # shellcheck disable=SC2086 # both are lists of words
    $engine build $flags $arguments --build-arg SERVICE="$service" --build-arg VERSION="$version" \
        --build-arg REVISION="$revision" --build-arg SOURCE_DATE_EPOCH="$modified" \
        -f deploy/docker/Dockerfile -t "$image" . >"$log" 2>&1 || { tail -n 60 "$log" >&2; exit 1; }
done

printf '\n%-28s %8s\n' image size
for service in "$@"; do
    image="valetkey-$(echo "$service" | tr _ -):$tag"
    printf '%-28s %5d MB\n' "$image" "$(($($engine image inspect --format '{{.Size}}' "$image") / 1000000))"
done
