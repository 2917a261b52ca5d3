#!/bin/sh
# tools/test.sh: runs test programs and sums them up.
#
#   sh tools/test.sh run NAME LOG PROGRAM ARGS...   runs $RUN PROGRAM ARGS, keeps what it prints in
#       LOG and its exit code in the log's last line, and prints one short line
#   sh tools/test.sh example NAME LOG PROGRAM ARGS...   the same for a program without a sum of its
#       own: one test, which passes when the exit code is 0
#   sh tools/test.sh sum LOG...   prints the output of those that failed, then one line
#       "N passed, N failed, N skipped"; fails when a log is missing, tells of a failure, of an exit
#       code other than 0, has no such line of its own, or counts nothing
#
# RUN stands in front of the program (qemu-aarch64, wine64, valgrind). TEST_SECONDS: the most that
# one program may take, where the system has timeout.
set -u

pattern='^[0-9][0-9]* passed, [0-9][0-9]* failed, [0-9][0-9]* skipped$'

sum_line() {
    tr -d '\r' <"$1" | grep "$pattern" | tail -n 1
}

exit_code() {
    sed -n '$s/^exit \([0-9][0-9]*\)$/\1/p' "$1"
}

run() {
    name=$1 log=$2 program=$3
    shift 3
    limit=
    command -v timeout >/dev/null 2>&1 && limit="timeout -k 5 ${TEST_SECONDS:-900}"
    mkdir -p "$(dirname "$log")"
    begin=$(date +%s)
    # shellcheck disable=SC2086  # RUN and limit are several words
    $limit ${RUN:-} "$program" "$@" >"$log" 2>&1 </dev/null
    code=$?
    [ "$kind" = run ] || printf '\n%d passed, %d failed, 0 skipped\n' $((code == 0)) \
        $((code != 0)) >>"$log"
    seconds=$(($(date +%s) - begin))
    line=$(sum_line "$log")
    # A program may leave its last line without an end.
    printf '\nexit %d\n' "$code" >>"$log"
    state=ok
    [ "$code" -eq 0 ] || state="FAIL (exit code $code)"
    case $line in
    '') [ "$code" -ne 0 ] || state='FAIL (no sum line)' ;;
    '0 passed, 0 failed, 0 skipped') state='FAIL (nothing ran)' ;;
    *' 0 failed,'*) ;;
    *) state=FAIL ;;
    esac
    printf '%s  %s: %s (%d s)\n' "$state" "$name" "${line:-no sum}" "$seconds"
}

sum() {
    passed=0 failed=0 skipped=0
    for log in "$@"; do
        if [ ! -f "$log" ]; then
            echo "FAIL: $log is missing: the program was not built or did not run"
            failed=$((failed + 1))
            continue
        fi
        code=$(exit_code "$log")
        line=$(sum_line "$log")
        bad=0
        if [ -n "$line" ]; then
            # "N passed, N failed, N skipped" as words 1, 3 and 5
            # shellcheck disable=SC2086
            set_counts $line
            passed=$((passed + p))
            failed=$((failed + f))
            skipped=$((skipped + s))
            bad=$f
            [ $((p + f + s)) -gt 0 ] || line=
        fi
        if [ "${code:-1}" -ne 0 ] || [ -z "$line" ]; then
            [ "$bad" -gt 0 ] || failed=$((failed + 1))
            bad=1
        fi
        if [ "$bad" -ne 0 ]; then
            echo "---- $log"
            tail -n 200 "$log"
        else
            grep '^skipped' "$log" | head -n 20
        fi
    done
    [ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || failed=1
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

set_counts() {
    p=$1 f=$3 s=$5
}

what=${1:-}
[ $# -gt 0 ] && shift
case $what in
run | example) kind=$what && run "$@" ;;
sum) sum "$@" ;;
*)
    echo 'usage: tools/test.sh run|example NAME LOG PROGRAM ARGS... | sum LOG...' >&2
    exit 2
    ;;
esac
