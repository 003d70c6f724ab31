#!/bin/sh
# Build every room's wheel as a commit has it, into tests/upgrade/previous_release. The same commit gives the same bytes.
#   tests/upgrade/build_previous_release.sh COMMIT
set -eu

commit=$(git rev-parse --verify "$1^{commit}")
root=$(git rev-parse --show-toplevel)
into="$root/tests/upgrade/previous_release"
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT

git -C "$root" archive "$commit" proto services | tar -x -C "$source"
SOURCE_DATE_EPOCH=$(git -C "$root" show --no-patch --format=%ct "$commit")
export SOURCE_DATE_EPOCH
rm -f "$into"/*.whl
for room in "$source"/proto "$source"/services/*; do
	[ -f "$room/pyproject.toml" ] || continue
	(cd "$room" && "$root/.venv/bin/python" -m hatchling build --target wheel --directory "$into" >/dev/null 2>&1)
done
echo "$commit" > "$into/COMMIT"
