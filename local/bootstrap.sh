#!/bin/sh
# Brings what `make` needs: uv, and the locked dependencies in .venv. Nothing is installed outside
# this folder. Done at once when nothing has changed; else local/bootstrap.py does the work.
cd "$(dirname "$0")/.." || exit 1

if [ -x .venv/bin/python ] && [ -x .local/bin/uv ] \
    && [ .venv/synced -nt uv.lock ] && [ .venv/synced -nt pyproject.toml ] \
    && [ .venv/synced -nt layers/common/pyproject.toml ]; then
    exit 0
fi

for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" local/bootstrap.py
    fi
done
echo "Python 3.11 or newer is missing: install it (for example \`apt install python3\`) and try again." >&2
exit 1
