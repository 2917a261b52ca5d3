#!/bin/sh
# tools/matrix.sh [LANE...]: builds and runs the tests with every toolchain and target.
#
#   make matrix                         all lanes
#   make matrix LANES="gcc-c11 s390x"   these
#   sh tools/matrix.sh --list           their names
#
# A lane is one compiler, one target and one set of flags. What it lacks is installed from Debian,
# when we are root and there is apt-get (MATRIX_INSTALL=no: never); a lane whose compiler cannot
# build and run a two-line program is skipped, and says why. MATRIX_SKIP="emscripten wasi": not
# these. The lane flags-N takes flags that users have, chosen by the number N.
#
# One line per lane; then how many different pairs of compiler and target ran the tests; the last
# line counts lanes. Logs: $BUILD/matrix/LANE.log; rows for docs/LANES.md: $BUILD/matrix/table.md.
set -u
cd "$(dirname "$0")/.." || exit 2

BUILD=${BUILD:-build}
MAKE=${MAKE:-make}
DIR=$BUILD/matrix
TABLE=$DIR/table.md
STRIDE=-DCHECK_STRIDE=7 # under emulation the failure sweeps take every seventh site

ALL='gcc-c11 gcc-cxx17 clang-c11 clang-cxx17
gcc-O0 gcc-Os gcc-O3 gcc-lto gcc-fast clang-O0 clang-Os clang-O3 clang-lto clang-fast flags-1
gcc-m32 gxx-m32 clang-m32 musl tcc
aarch64 aarch64-cxx arm riscv64 s390x s390x-cxx powerpc64 mips
clang-aarch64 clang-s390x
mingw mingw-cxx arm-none emscripten wasi
no-stdlib no-os no-threads no-files no-simd no-strings static dll assert
asan asan-cxx asan-m32 tsan msan valgrind peers'

apt_updated=no
passed=0 failed=0 skipped=0
pairs=

# ---- helpers -------------------------------------------------------------------------------------

# The value of a make variable among the arguments: value NAME ARGS...
value() {
    wanted=$1
    shift
    found=
    for word in "$@"; do
        case $word in "$wanted="*) found=${word#*=} ;; esac
    done
    printf '%s' "$found"
}

# Builds and runs two lines in each language of the lane: probe LANE ARGS...
probe() {
    name=$1
    shift
    at=$DIR/probe-$name
    rm -rf "$at"
    mkdir -p "$at"
    run=$(value RUN "$@")
    exe=$(value EXE "$@")
    libs=$(value LDLIBS "$@")
    printf '#include <stdio.h>\nint main(void) { return printf("probe\\n") < 0; }\n' >"$at/c.c"
    printf '#include <cstdio>\n#include <vector>\nint main() { std::vector<int> v(1); ' >"$at/cxx.cc"
    printf 'return std::printf("probe\\n") < v[0]; }\n' >>"$at/cxx.cc"
    for mode in $(value MODES "$@"); do
        case $mode in
        c) source=$at/c.c compiler=$(value CC "$@") flags=$(value CFLAGS "$@") ;;
        *) source=$at/cxx.cc compiler=$(value CXX "$@") flags=$(value CXXFLAGS "$@") ;;
        esac
        [ -n "$flags" ] || flags=$(value CFLAGS "$@")
        # shellcheck disable=SC2046,SC2086  # these are lists of words
        $compiler $flags -o "$at/$mode$exe" "$source" $(value LDFLAGS "$@") $libs \
            >>"$at/log" 2>&1 </dev/null || return 1
        # shellcheck disable=SC2086
        $run "$at/$mode$exe" >"$at/out" 2>>"$at/log" </dev/null || return 1
        grep -q probe "$at/out" || return 1
    done
}

# Installs packages when that is possible: install NAMES.
install() {
    [ "${MATRIX_INSTALL:-yes}" = yes ] || return 1
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    apt='apt-get -o DPkg::Lock::Timeout=600 -qq'
    export DEBIAN_FRONTEND=noninteractive
    if [ "$apt_updated" = no ]; then
        $apt update >"$DIR/apt.log" 2>&1 </dev/null
        apt_updated=yes
    fi
    echo "installing: $*"
    $apt install -y --no-install-recommends "$@" >>"$DIR/apt.log" 2>&1 </dev/null
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped  $1: $2"
    echo "| $1 | | skipped: $2 | |" >>"$TABLE"
}

# lane PAIR PACKAGES ARGS...: one lane; name is set by the caller, PAIR is "compiler target".
lane() {
    pair=$1 packages=$2
    shift 2
    begin=$(date +%s)
    # shellcheck disable=SC2086
    if ! probe "$name" "$@" && ! { install $packages && probe "$name" "$@"; }; then
        why=$(grep -m 1 -iE 'error|not found|cannot|no such' "$DIR/probe-$name/log" 2>/dev/null)
        skip "$name" "$pair cannot build and run here (${why:-no output}); packages: $packages"
        return
    fi
    log=$DIR/$name.log
    if $MAKE --no-print-directory lane LANE="$name" BUILD="$BUILD" "$@" >"$log" 2>&1 </dev/null
    then
        passed=$((passed + 1))
        state=ok
        case "$pairs" in *"<$pair>"*) ;; *) pairs="$pairs<$pair>" ;; esac
    else
        failed=$((failed + 1))
        state=FAIL
    fi
    line=$(grep '^[0-9]* passed, [0-9]* failed, [0-9]* skipped$' "$log" | tail -n 1)
    seconds=$(($(date +%s) - begin))
    echo "$state  $name ($pair): ${line:-no sum}, $seconds s"
    echo "| $name | $pair | $state: ${line:-no sum} | $seconds s |" >>"$TABLE"
    [ "$state" = ok ] || grep -v '^ok ' "$log" | tail -n "${MATRIX_TAIL:-60}"
}

# ---- lanes ---------------------------------------------------------------------------------------

host=$(uname -m)
gcc_version=$(gcc -dumpversion 2>/dev/null | sed 's/\..*//')
multilib="gcc-${gcc_version:-12}-multilib g++-${gcc_version:-12}-multilib"
clang_rt="clang libclang-rt-$(clang -dumpversion 2>/dev/null | sed 's/\..*//')-dev"
[ "$clang_rt" != 'clang libclang-rt--dev' ] || clang_rt='clang libclang-rt-14-dev'
asan='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'

# Warnings are errors in six modes: {gcc, clang} x {C11, C++17}, gcc -m32 and mingw, all at -O2.
STRICT=WERROR=-Werror

# native NAME-OF-COMPILER MODES FLAGS [ARGS...]: this machine's processor.
native() {
    compiler=$1 modes=$2 flags=$3
    shift 3
    case $compiler in gcc) cxx=g++ packages='gcc g++' ;; *) cxx=clang++ packages=clang ;; esac
    lane "$compiler $host-linux" "$packages" CC="$compiler" CXX="$cxx" MODES="$modes" \
        CFLAGS="$flags" LDLIBS='-lm -lpthread' "$@"
}

# Debian keeps the headers of the kernel in the folder of the 64-bit target only.
m32="-m32 -idirafter /usr/include/$host-linux-gnu"

# m32 CC CXX MODES FLAGS [ARGS...]
m32() {
    compiler=$1
    cc=$1 cxx=$2 modes=$3 flags=$4
    shift 4
    lane "$compiler i686-linux" "$multilib" CC="$cc $m32" CXX="$cxx $m32" MODES="$modes" \
        CFLAGS="$flags" LDLIBS='-lm -lpthread' "$@"
}

# Debian's name of an architecture, in the package with its C library.
debian_name() {
    case $1 in
    aarch64-*) echo arm64 ;;
    arm-*) echo armhf ;;
    powerpc64-*) echo ppc64 ;;
    mips-*) echo mips ;;
    *) echo "${1%%-*}" ;;
    esac
}

# cross TRIPLE QEMU MODES [ARGS...]: Debian's cross compiler and qemu's user mode.
cross() {
    triple=$1 qemu=$2 modes=$3
    shift 3
    packages="gcc-$triple libc6-dev-$(debian_name "$triple")-cross qemu-user"
    case $modes in *cxx*) packages="$packages g++-$triple" ;; esac
    lane "gcc $triple" "$packages" CC="$triple-gcc" CXX="$triple-g++" MODES="$modes" \
        CFLAGS=-O2 CPPFLAGS=$STRIDE LDLIBS='-lm -lpthread' \
        RUN="$qemu -L /usr/$triple" "$@"
}

# The same with clang, which takes Debian's C library and linker of that target.
clang_cross() {
    triple=$1 qemu=$2 modes=$3
    shift 3
    lane "clang $triple" "clang gcc-$triple libc6-dev-$(debian_name "$triple")-cross qemu-user" \
        CC="clang --target=$triple" CXX="clang++ --target=$triple" MODES="$modes" CFLAGS=-O2 \
        CPPFLAGS=$STRIDE LDLIBS='-lm -lpthread' RUN="$qemu -L /usr/$triple" "$@"
}

# mingw MODES: Windows by wine, with a home of its own below $BUILD.
mingw() {
    wine=wine64
    for w in wine64 /usr/lib/wine/wine64 wine; do
        command -v "$w" >/dev/null 2>&1 && wine=$w && break
    done
    mkdir -p "$BUILD/wine"
    WINEPREFIX=$(cd "$BUILD/wine" && pwd)
    WINEDEBUG=-all WINEARCH=win64
    export WINEPREFIX WINEDEBUG WINEARCH
    t=x86_64-w64-mingw32
    lane 'gcc x86_64-windows' 'gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 wine64' CC=$t-gcc \
        CXX=$t-g++ MODES="$1" CFLAGS=-O2 CPPFLAGS=$STRIDE LDFLAGS=-static LDLIBS='-lm -lpthread' \
        EXE=.exe $STRICT RUN="$wine"
}

# Option macros, each alone, in both languages of the default compiler.
option() {
    macro=$1
    shift
    native gcc 'c cxx' -O1 CPPFLAGS="$macro" "$@"
}

# The files as a value of PROGRAMS.
programs() {
    printf '%s ' "$@" | sed 's/\.c / /g'
}

# flags-N: a random choice, the same for the same N (a linear congruential generator).
random_flags() {
    state=${name#flags-}
    pick() {
        state=$(((state * 1103515245 + 12345) % 2147483648))
        [ $((state / 65536 % $1)) -eq 0 ]
    }
    i=0
    while [ $i -lt 5 ]; do
        pick 2
        i=$((i + 1))
    done
    compiler=gcc
    pick 2 && compiler=clang
    flags=-O2
    pick 3 && flags=-O0
    pick 3 && flags=-Os
    pick 3 && flags=-O3
    for flag in -flto -ffast-math -funsigned-char -fshort-enums -fno-strict-aliasing -fwrapv \
        -fno-inline; do
        pick 2 && flags="$flags $flag"
    done
    cxx_flags=$flags
    for flag in -fno-exceptions -fno-rtti; do
        pick 2 && cxx_flags="$cxx_flags $flag"
    done
    echo "flags of $name: $compiler $cxx_flags"
    native "$compiler" 'c cxx' "$flags" CXXFLAGS="$cxx_flags"
}

run_lane() {
    name=$1
    case $name in
    gcc-c11) native gcc c -O2 $STRICT ;;
    gcc-cxx17) native gcc cxx -O2 $STRICT ;;
    clang-c11) native clang c -O2 $STRICT ;;
    clang-cxx17) native clang cxx -O2 $STRICT ;;
    gcc-O0 | gcc-Os | gcc-O3 | clang-O0 | clang-Os | clang-O3)
        native "${name%-*}" 'c cxx' "-${name#*-}" ;;
    gcc-lto | clang-lto) native "${name%-*}" c '-O2 -flto' ;;
    gcc-fast | clang-fast) native "${name%-*}" c '-O3 -ffast-math' ;;
    flags-*) random_flags ;;
    gcc-m32) m32 gcc g++ c -O2 $STRICT ;;
    gxx-m32) m32 gcc g++ cxx -O2 $STRICT ;;
    clang-m32) m32 clang clang++ c -O2 ;;
    musl) lane 'musl-gcc x86_64-linux-musl' musl-tools CC=musl-gcc MODES=c CFLAGS=-O2 \
        LDFLAGS=-static LDLIBS='-lm -lpthread' ;;
    tcc) lane "tcc $host-linux" tcc CC=tcc MODES=c CFLAGS= LDLIBS='-lm -lpthread' ;;
    aarch64) cross aarch64-linux-gnu qemu-aarch64 c ;;
    aarch64-cxx) cross aarch64-linux-gnu qemu-aarch64 cxx ;;
    arm) cross arm-linux-gnueabihf qemu-arm c CFLAGS='-O2 -mfpu=neon -march=armv7-a' ;;
    riscv64) cross riscv64-linux-gnu qemu-riscv64 c ;;
    s390x) cross s390x-linux-gnu qemu-s390x c ;;
    s390x-cxx) cross s390x-linux-gnu qemu-s390x cxx ;;
    powerpc64) cross powerpc64-linux-gnu qemu-ppc64 c ;;
    mips) cross mips-linux-gnu qemu-mips c ;;
    clang-aarch64) clang_cross aarch64-linux-gnu qemu-aarch64 c ;;
    # qemu 7.2 computes MDEBR (float * float to double) wrongly, and clang uses it from -O1 on.
    clang-s390x) clang_cross s390x-linux-gnu qemu-s390x c CFLAGS=-O0 ;;
    mingw) mingw c ;;
    mingw-cxx) mingw cxx ;;
    # No fuzz targets: the command line of the simulated debugger is too short for their corpus.
    arm-none) lane 'gcc arm-none-eabi' 'gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-user' \
        CC='arm-none-eabi-gcc --specs=rdimon.specs -mthumb -march=armv7-a+fp -mfloat-abi=hard' \
        MODES=c CFLAGS=-O2 LDLIBS=-lm CPPFLAGS="-DAIMEM_NO_OS $STRIDE" RUN=qemu-arm \
        PROGRAMS="$(programs tests/unit/*.c tests/fault/*.c examples/*.c)" ;;
    emscripten) lane 'emcc wasm32-emscripten' 'emscripten nodejs' CC=emcc MODES=c \
        CFLAGS='-O1 -s ALLOW_MEMORY_GROWTH=1 -s EXIT_RUNTIME=1 -s NODERAWFS=1' LDLIBS=-lm CPPFLAGS=$STRIDE \
        EXE=.js RUN='node --no-experimental-fetch' ;;
    wasi) lane 'clang wasm32-wasi' 'clang lld wasi-libc libclang-rt-14-dev-wasm32 nodejs' \
        CC='clang --target=wasm32-wasi' MODES=c CFLAGS=-O2 \
        CPPFLAGS="$STRIDE -D_WASI_EMULATED_PROCESS_CLOCKS" \
        LDLIBS='-lm -lwasi-emulated-process-clocks' \
        EXE=.wasm RUN='node --no-warnings tools/wasi.mjs' ;;
    # The tests that give every object an allocator; the others also try the default one.
    no-stdlib) option -DAIMEM_NO_STDLIB \
        PROGRAMS="$(programs tests/unit/core_*.c tests/fault/pool_*.c tests/fault/vec_alloc.c)" ;;
    no-os) option -DAIMEM_NO_OS ;;
    no-threads) option -DAIMEM_NO_THREADS ;;
    no-files) option -DAIMEM_NO_FILES ;;
    no-simd) option -DAIMEM_NO_SIMD ;;
    no-strings) option -DAIMEM_NO_STRINGS ;;
    static) option -DAIMEM_STATIC ;;
    dll) option -DAIMEM_DLL ;;
    assert) option '-include assert.h -DAIMEM_ASSERT=assert' ;;
    asan) lane "clang $host-linux" "$clang_rt" CC=clang MODES=c CFLAGS="-O1 -g $asan" \
        LDLIBS='-lm -lpthread' ;;
    asan-cxx) lane "clang $host-linux" "$clang_rt" CC=clang CXX=clang++ MODES=cxx \
        CFLAGS="-O1 -g $asan" LDLIBS='-lm -lpthread' ;;
    asan-m32) m32 gcc g++ c "-O1 -g $asan" CPPFLAGS=$STRIDE ;;
    tsan) lane "clang $host-linux" "$clang_rt" CC=clang MODES=c \
        CFLAGS='-O1 -g -fsanitize=thread' CPPFLAGS=$STRIDE LDLIBS='-lm -lpthread' ;;
    msan) lane "clang $host-linux" "$clang_rt" CC=clang MODES=c \
        CFLAGS='-O1 -g -fsanitize=memory' CPPFLAGS=$STRIDE LDLIBS='-lm -lpthread' ;;
    valgrind) lane "gcc $host-linux" 'valgrind libc6-dbg' CC=gcc MODES=c CFLAGS='-O1 -g' \
        CPPFLAGS=$STRIDE LDLIBS='-lm -lpthread' \
        RUN='valgrind -q --error-exitcode=99 --leak-check=full' ;;
    peers) lane "gcc $host-linux" libxxhash-dev CC=gcc MODES=c CFLAGS=-O2 \
        CPPFLAGS=-DHAVE_XXHASH LDLIBS='-lm -lpthread -lxxhash' PROGRAMS=tests/unit/core_hash ;;
    *)
        failed=$((failed + 1))
        echo "FAIL  $name: there is no such lane; sh tools/matrix.sh --list names them"
        ;;
    esac
}

# ---- main ----------------------------------------------------------------------------------------

if [ "${1:-}" = --list ]; then
    # shellcheck disable=SC2086
    printf '%s\n' $ALL
    exit 0
fi
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $ALL
mkdir -p "$DIR"
: >"$TABLE"
for lane_name in "$@"; do
    case " ${MATRIX_SKIP:-} " in
    *" $lane_name "*) skip "$lane_name" 'named in MATRIX_SKIP' ;;
    *) run_lane "$lane_name" ;;
    esac
done
count=$(printf '%s' "$pairs" | tr -cd '<' | wc -c)
echo "$((count)) different compiler x target pairs built and ran the tests: $(printf '%s' "$pairs" |
    sed -e 's/></, /g' -e 's/[<>]//g')"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
