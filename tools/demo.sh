#!/bin/sh
# tools/demo.sh RECALL MEMORY TEXT...: the memory reads the texts, is asked three questions by three
# new processes, and is examined. ASK="question|question|question" asks others. For texts that are
# not this repository's own, three of their headings are the questions.
set -u
recall=$1 memory=$2
shift 2
cd "$(dirname "$0")/.." || exit 2

questions=${ASK:-}
if [ -z "$questions" ] && [ "${1:-}" = README.md ]; then
    questions='how do I use it without an operating system?|what happens when a block is freed twice?|two libraries that each vendor a copy'
fi
if [ -z "$questions" ]; then
    # Three headings from all over the texts, or else the beginnings of three lines.
    questions=$(awk '
        /^#+ / { sub(/^#+ +/, ""); heading[h++] = $0; next }
        NF >= 5 { line[l++] = $1 " " $2 " " $3 " " $4 " " $5 }
        END {
            n = h >= 3 ? h : l
            for (i = 0; i < 3 && i < n; i++) {
                at = int(n * (2 * i + 1) / 6)
                printf "%s%s", (i ? "|" : ""), (h >= 3 ? heading[at] : line[at])
            }
        }' "$@" 2>/dev/null)
fi

title() {
    printf '\n\033[1m%s\033[0m\n' "$1"
}
if [ ! -t 1 ] || [ "${TERM:-dumb}" = dumb ]; then
    title() {
        printf '\n== %s\n' "$1"
    }
fi

rm -f "$memory"
status=0
title "recall add: the memory reads $# files"
"$recall" -m "$memory" add "$@" || status=$?
# 1: a file was skipped, and it said so.
[ "$status" -le 1 ] || exit "$status"

old_ifs=$IFS
IFS='|'
for question in $questions; do
    IFS=$old_ifs
    title "recall ask \"$question\""
    # 1: nothing was near enough, and it said so.
    "$recall" -m "$memory" ask "$question" || [ $? -eq 1 ] || exit 1
done
IFS=$old_ifs

title 'recall stats: what is remembered, in one file'
"$recall" -m "$memory" stats || exit 1

title 'recall eval: every heading is a question, its section the answer'
# 1: the texts have no headings, and it said so.
"$recall" eval "$@" || [ $? -eq 1 ] || exit 1

printf '\nYour own texts:  make demo TEXT="notes.md book.txt"   or   %s -m my.memory add FILE\n' \
    "$recall"
