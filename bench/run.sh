#!/bin/sh
# bench/run.sh: builds and runs the benchmarks. BENCH=pool|vec|headers runs one area.
# Peers are used when they are installed; as root with apt-get, they are installed first
# (BENCH_INSTALL=0 stops that). Figures depend on the machine: docs/BENCHMARKS.md.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$here/build}/bench
cc=${CC:-gcc}
cxx=${CXX:-g++}
only=${BENCH:-}
mkdir -p "$build"
cd "$here" || exit 1

peers="libfaiss-dev libopenblas0-pthread libboost-dev"
if [ "${BENCH_INSTALL:-1}" = 1 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    missing=
    for p in $peers; do dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"; done
    if [ -n "$missing" ]; then
        echo "installing$missing"
        { apt-get update && apt-get install -y $missing; } >"$build/apt.log" 2>&1 ||
            echo "could not install all of$missing: those peers are skipped"
    fi
fi

has() { echo "#include <$1>" | $cxx -x c++ -std=c++17 -E - >/dev/null 2>&1; }

$cc -std=gnu11 -O3 -march=native -ffast-math -c bench/baseline.c -o "$build/baseline.o" || exit 1
$cc -std=c11 -O2 -c bench/impl.c -o "$build/impl.o" || exit 1
echo "compiler: $($cc --version | head -n 1)"
echo "cpu: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)"

status=0
if [ -z "$only" ] || [ "$only" = pool ]; then
    flags=
    has boost/pool/pool.hpp && flags=-DHAVE_BOOST
    $cxx -std=c++17 -O2 $flags bench/pool.cc "$build/impl.o" "$build/baseline.o" \
        -o "$build/pool" && "$build/pool" || status=1
    for area in buffers plan; do
        $cxx -std=c++17 -O2 bench/$area.cc "$build/impl.o" -o "$build/$area" &&
            "$build/$area" || status=1
    done
fi
if [ -z "$only" ] || [ "$only" = vec ]; then
    flags= libs=
    has faiss/IndexFlat.h && flags=-DHAVE_FAISS libs="-lfaiss -fopenmp -l:libopenblas.so.0"
    OPENBLAS_NUM_THREADS=1
    OMP_NUM_THREADS=1
    export OPENBLAS_NUM_THREADS OMP_NUM_THREADS
    $cxx -std=c++17 -O2 -Isrc $flags bench/vec.cc "$build/impl.o" "$build/baseline.o" $libs \
        -o "$build/vec" && "$build/vec" || status=1
fi
if [ -z "$only" ] || [ "$only" = headers ]; then
    sh bench/headers.sh || status=1
fi
exit $status
