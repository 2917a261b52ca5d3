#!/bin/sh
# tools/fuzz.sh [TARGET...]: runs the fuzz targets of tests/fuzz with clang's libFuzzer under the
# address and undefined behaviour sanitizers, FUZZ_SECONDS (60) each. What is found lies in
# $BUILD/fuzz/TARGET; new inputs of interest go to $BUILD/fuzz/corpus, not into the repository.
# Targets then have no main of their own: FUZZ_LIBFUZZER is defined.
set -u
cd "$(dirname "$0")/.." || exit 2
BUILD=${BUILD:-build} SECONDS_EACH=${FUZZ_SECONDS:-60} CLANG=${CLANG:-clang}
AT=$BUILD/fuzz
mkdir -p "$AT"
passed=0 failed=0 skipped=0
flags='-O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all'

printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *p, size_t n);\n' \
    >"$AT/probe.c"
printf 'int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n) { return p == 0 && n; }\n' \
    >>"$AT/probe.c"
# shellcheck disable=SC2086
if ! $CLANG $flags -o "$AT/probe" "$AT/probe.c" >"$AT/log" 2>&1; then
    echo "skipped fuzzing: $CLANG cannot build with libFuzzer (Debian: clang libclang-rt-14-dev)"
    echo '0 passed, 0 failed, 1 skipped'
    exit 0
fi

if [ $# -eq 0 ]; then
    for source in tests/fuzz/*.c; do
        [ -f "$source" ] && set -- "$@" "$(basename "$source" .c)"
    done
fi
for target in "$@"; do
    mkdir -p "$AT/corpus/$target" "$AT/$target"
    # shellcheck disable=SC2086
    if ! $CLANG -std=c11 $flags -DFUZZ_LIBFUZZER -I. -Isrc -Itests -o "$AT/$target.exe" \
        "tests/fuzz/$target.c" -lm -lpthread; then
        failed=$((failed + 1))
        echo "FAIL $target does not build"
        continue
    fi
    seeds=
    [ -d "tests/fuzz/corpus/$target" ] && seeds=tests/fuzz/corpus/$target
    # shellcheck disable=SC2086
    if "$AT/$target.exe" -max_total_time="$SECONDS_EACH" -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$AT/$target/" "$AT/corpus/$target" $seeds \
        >"$AT/$target.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok $target: $(sed -n 's/^stat::number_of_executed_units: */runs /p' "$AT/$target.log")," \
            "$(grep -o 'cov: [0-9]*' "$AT/$target.log" | tail -n 1), $SECONDS_EACH s"
    else
        failed=$((failed + 1))
        echo "FAIL $target"
        tail -n 60 "$AT/$target.log"
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
