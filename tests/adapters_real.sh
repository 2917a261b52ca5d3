#!/bin/sh
# tests/adapters_real.sh: examples/adapters.c with the real Lua and the real SQLite, where their
# development files are installed (Debian: liblua5.4-dev, libsqlite3-dev); skipped otherwise.
# CC, CXX, CFLAGS, LDFLAGS, BUILD and RUN as in the Makefile.
set -u
cd "$(dirname "$0")/.." || exit 2
CC=${CC:-cc} BUILD=${BUILD:-build}
AT=$BUILD/adapters
mkdir -p "$AT"
passed=0 failed=0 skipped=0

# links FLAGS: can a program with these headers and libraries be built?
links() {
    # shellcheck disable=SC2086
    $CC ${CFLAGS:-} -o "$AT/probe" "$AT/probe.c" ${LDFLAGS:-} $1 >/dev/null 2>&1
}

# real NAME FLAGS LIBRARIES
real() {
    for mode in c cxx; do
        case $mode in
        c) compile="$CC -std=c11" ;;
        *)
            [ -n "${CXX:-}" ] || continue
            compile="$CXX -std=c++17 -x c++"
            ;;
        esac
        # shellcheck disable=SC2086
        if $compile ${CFLAGS:-} -I. $2 -o "$AT/$1-$mode" examples/adapters.c -x none \
            ${LDFLAGS:-} $3 -lm -lpthread >"$AT/log" 2>&1 &&
            ${RUN:-} "$AT/$1-$mode" >>"$AT/log" 2>&1; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL $1 ($mode)"
            cat "$AT/log"
        fi
    done
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped $1"
}

printf '#include <sqlite3.h>\nint main(void) { return sqlite3_libversion_number() == 0; }\n' \
    >"$AT/probe.c"
if links -lsqlite3; then
    real sqlite -DHAVE_SQLITE3 -lsqlite3
else
    skip 'SQLite: there is no sqlite3.h with its library for this compiler'
fi

lua=
printf '#include <lua.h>\n#include <lauxlib.h>\nint main(void) { return luaL_newstate() == 0; }\n' \
    >"$AT/probe.c"
for version in 5.4 5.3; do
    if links "-I/usr/include/lua$version -llua$version"; then
        lua=$version
        real "lua$version" "-DHAVE_LUA -I/usr/include/lua$version" "-llua$version"
    fi
done
[ -n "$lua" ] || skip 'Lua: there is no lua.h with its library for this compiler'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
