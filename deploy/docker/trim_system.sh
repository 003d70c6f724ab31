#!/bin/sh
# Takes out of Python's own image what only builds need: pip and its kin, tests, documentation, translations, set-user-id
# programs. What Debian's package list says stays, so that scanners find what is there.
set -eu

# Where this Python lives, and where packages are put, differs between the official image and Debian's Python.
for directory in $(python3 -c 'import site, sysconfig; print(sysconfig.get_path("stdlib"), *site.getsitepackages())') \
    /usr/lib/python3/dist-packages; do
    cd "$directory" 2>/dev/null || continue
    rm -rf pip pip-* setuptools setuptools-* wheel wheel-* pkg_resources _distutils_hack distutils-precedence.pth \
        ensurepip idlelib lib2to3 test tkinter turtledemo turtle.py pydoc_data config-*/*.a config-*/*.o
done
rm -rf /usr/local/bin/pip* /usr/bin/pip* /usr/local/bin/wheel /usr/local/bin/idle* /usr/local/bin/2to3* \
    /usr/bin/2to3* /usr/share/python-wheels /usr/local/include/python* /usr/include/python* \
    /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/bash-completion \
    /var/lib/apt/lists /var/cache /var/log /root/.cache /tmp/tmp*
mkdir -p /var/cache /var/log
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

printf 'valetkey:x:65532:65532:Valetkey:/nonexistent:/usr/sbin/nologin\n' >>/etc/passwd
printf 'valetkey:x:65532:\n' >>/etc/group

# The official image comes without compiled modules, and a read-only root file system never gets them.
python3 -m compileall -q --invalidation-mode unchecked-hash "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
