#!/bin/sh
# tools/python.sh SCRIPT ARGS...: runs a Python script as one test, or says that there is no python3.
# A script that prints a sum of its own keeps it.
set -u
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
    echo "skipped $1: there is no python3 (3.8 or later)"
    echo '0 passed, 0 failed, 1 skipped'
    exit 0
fi
output=$(python3 "$@" 2>&1)
code=$?
printf '%s\n' "$output"
if ! printf '%s\n' "$output" | tail -n 1 |
    grep -q '^[0-9][0-9]* passed, [0-9][0-9]* failed, [0-9][0-9]* skipped$'; then
    if [ "$code" -eq 0 ]; then
        echo '1 passed, 0 failed, 0 skipped'
    else
        echo '0 passed, 1 failed, 0 skipped'
    fi
fi
exit "$code"
