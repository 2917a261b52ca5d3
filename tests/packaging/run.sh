#!/bin/sh
# tests/packaging/run.sh: a foreign project uses aimem as a folder, by FetchContent from an archive,
# by find_package and by pkg-config after an installation, and as a Meson subproject. What is not
# on this machine (cmake, pkg-config, meson) is skipped and says so.
set -u
cd "$(dirname "$0")/../.." || exit 2
ROOT=$(pwd)
BUILD=${BUILD:-build}
mkdir -p "$BUILD/packaging"
AT=$(cd "$BUILD/packaging" && pwd)
rm -rf "$AT" && mkdir -p "$AT" || exit 2
CONSUMER=$ROOT/tests/packaging/consumer
passed=0 failed=0 skipped=0

# check NAME COMMAND...
check() {
    name=$1
    shift
    if "$@" >"$AT/log" 2>&1 </dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 40 "$AT/log"
    fi
}

skip() {
    skipped=$((skipped + $1))
    echo "skipped $2"
}

have() { command -v "$1" >/dev/null 2>&1; }

# runs PROGRAM...: each prints its word.
runs() {
    for program in "$@"; do
        "$program" | grep -q '^consumer ok' || return 1
    done
}

# cmake_consumer HOW AT [CMAKE-ARGS...]
cmake_consumer() {
    how=$1 from=$2
    shift 2
    cmake -S "$CONSUMER" -B "$AT/$how" -DHOW="$how" -DAIMEM_AT="$from" \
        -DCMAKE_BUILD_TYPE=Release "$@" && cmake --build "$AT/$how" &&
        runs "$AT/$how/headers" "$AT/$how/library" "$AT/$how/library_cxx"
}

# The files that a release has, in the folder of its name.
pack() {
    mkdir -p "$AT/aimem-release"
    cp ./aimem*.h aimem.c CMakeLists.txt meson.build aimem.pc.in LICENSE "$AT/aimem-release/" &&
        (cd "$AT" && tar -cf aimem.tar aimem-release)
}

cmake_install() {
    cmake -S "$ROOT" -B "$AT/own" -DCMAKE_INSTALL_PREFIX="$AT/cmake-prefix" \
        -DCMAKE_BUILD_TYPE=Release && cmake --build "$AT/own" && cmake --install "$AT/own"
}

# pkg_config PREFIX: compiles by the flags of the aimem.pc below PREFIX.
pkg_config() {
    pc=$(find "$1" -name aimem.pc | head -n 1)
    [ -n "$pc" ] || return 1
    PKG_CONFIG_PATH=$(dirname "$pc")
    export PKG_CONFIG_PATH
    pkg-config --modversion aimem | grep -q '^[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*$' || return 1
    # shellcheck disable=SC2046  # a list of words
    ${CC:-cc} -std=c11 -DCONSUMER_IMPLEMENTS -o "$AT/by-pkg-config" "$CONSUMER/main.c" \
        $(pkg-config --cflags --libs aimem) && runs "$AT/by-pkg-config"
}

make_install() {
    make --no-print-directory install PREFIX="$AT/make-prefix" && test -f "$AT/make-prefix/include/aimem.h"
}

plain_library() {
    ${CC:-cc} -std=c11 -O1 -c -o "$AT/aimem.o" aimem.c &&
        ${CC:-cc} -std=c11 -I. -o "$AT/plain" "$CONSUMER/main.c" "$AT/aimem.o" -lm -lpthread &&
        runs "$AT/plain"
}

# One version everywhere: headers, meson.build, clib.json, the last entry of CHANGELOG.md.
versions() {
    version=$(awk '/^.define AIMEM_POOL_VERSION_(MAJOR|MINOR|PATCH) / {
        printf "%s%s", s, $3; s = "." }' aimem_pool.h)
    echo "aimem_pool.h: $version"
    grep "version: '$version'" meson.build && grep "\"version\": \"$version\"" clib.json &&
        grep -m 1 '^## ' CHANGELOG.md | grep "^## $version"
}

meson_consumer() {
    mkdir -p "$AT/meson/subprojects" && cp "$CONSUMER/main.c" "$CONSUMER/meson.build" "$AT/meson/" &&
        cp -R "$AT/aimem-release" "$AT/meson/subprojects/aimem" &&
        meson setup "$AT/meson/build" "$AT/meson" && meson test -C "$AT/meson/build"
}

check 'aimem.c as a file of the project' plain_library
check 'one version everywhere' versions
check 'a release archive' pack
check 'make install' make_install
if have cmake; then
    check 'cmake: add_subdirectory' cmake_consumer subdirectory "$ROOT"
    check 'cmake: FetchContent' cmake_consumer fetch "$AT/aimem.tar"
    check 'cmake: install' cmake_install
    check 'cmake: find_package' cmake_consumer find '' -DCMAKE_PREFIX_PATH="$AT/cmake-prefix"
else
    skip 4 'CMake: there is no cmake'
fi
if have pkg-config; then
    check 'pkg-config after make install' pkg_config "$AT/make-prefix"
    if have cmake; then
        check 'pkg-config after cmake --install' pkg_config "$AT/cmake-prefix"
    else
        skip 1 'pkg-config after cmake --install: there is no cmake'
    fi
else
    skip 2 'pkg-config: there is no pkg-config'
fi
if have meson && have ninja; then
    check 'meson: subproject' meson_consumer
else
    skip 1 'Meson: there is no meson with ninja'
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
