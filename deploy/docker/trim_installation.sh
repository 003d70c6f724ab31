#!/bin/sh
# Takes out of an installed virtual environment what no program of it reads, then compiles the rest:
# the root file system is read-only, so whatever is not compiled here is compiled again at every start.
set -eu
environment=$1

find "$environment/lib" -type d \( -name tests -o -name testing -o -name test \) -prune -exec rm -rf {} +
find "$environment/lib" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' \
    -o -name '*.h' -o -name '*.hpp' -o -name '*.cpp' -o -name '*.a' -o -name '*.proto' \) -delete
# Who installed it, and in which order, differs from one build to the next.
find "$environment/lib" -type f \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
rm -rf "$environment/include" "$environment/share" "$environment"/bin/activate* "$environment"/bin/Activate*

# By content, not by time: the same sources give the same bytes.
"$environment/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$environment/lib"
