#!/bin/sh
# tests/recall_test.sh [PROGRAM]: the example examples/recall.c from the outside: its commands, what
# it keeps from run to run, bad text files, damaged memory files, and how good its answers are.
#
# RECALL: the program, when it is no argument. BUILD: a folder for files of the test. RUN stands in
# front of the program (valgrind, qemu-aarch64, wine64).
set -u
program=${1:-${RECALL:-}}
[ -n "$program" ] || {
    echo 'usage: tests/recall_test.sh PROGRAM' >&2
    exit 2
}
case $program in
/*) ;;
*) program=$(pwd)/$program ;;
esac
top=$(cd "$(dirname "$0")/.." && pwd) || exit 2
work=${BUILD:-build}/recall-test.$$
mkdir -p "$work" && cd "$work" || exit 2
work=$(pwd)
trap 'cd / && chmod -R u+rw "$work" && rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# recall ARGS...: runs it; out, err and code are what came of it.
recall() {
    # shellcheck disable=SC2086  # RUN is several words
    ${RUN:-} "$program" "$@" >out.txt 2>err.txt </dev/null
    code=$?
    out=$(tr -d '\r' <out.txt)
    err=$(tr -d '\r' <err.txt)
}

# is NAME CONDITION...: one check; the words behind the name are a test.
is() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name (exit code $code)"
        printf '%s\n%s\n' "$out" "$err" | sed 's/^/    /' | head -n 20
    fi
}

has() {
    case $1 in
    *"$2"*) return 0 ;;
    *) return 1 ;;
    esac
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped recall: $1"
}

# ---- texts ---------------------------------------------------------------------------------------

cat >pets.md <<'END'
# Pets

Some people live with animals.

## Feeding cats

A cat eats meat, in many small portions. Fresh water stands far from the bowl.

## Walking dogs

Every dog needs two hours outside each day, whatever the weather.
END
cat >trains.txt <<'END'
Railways
========

Steam locomotives burn coal and drink water.

Signals
-------

A red signal stops every train; green lets it pass. A driver who passes a red one
is stopped by a magnet beside the track.
END
cp "$top/tests/data/handbook.md" handbook.md

# ---- commands and persistence --------------------------------------------------------------------

recall help
is 'help' test "$code" -eq 0
is 'help names the commands' has "$out" 'forget SOURCE'
recall
is 'no command is wrong use' test "$code" -eq 2
recall dance
is 'an unknown command is wrong use' test "$code" -eq 2
recall ask -k 0 dogs
is '-k 0 is wrong use' test "$code" -eq 2
recall add
is 'add without a file is wrong use' test "$code" -eq 2

recall ask dogs
is 'ask without a memory' test "$code" -eq 1
is 'ask without a memory says how to make one' has "$err" 'no memory in recall.mem'
recall stats
is 'stats without a memory' test "$code" -eq 1
is 'asking makes no file' test ! -e recall.mem

recall add pets.md
is 'add' test "$code" -eq 0
is 'add tells the passages' has "$out" '3 passages'
is 'add makes the file' test -s recall.mem
is 'add leaves no other file' test ! -e recall.mem.tmp
recall add trains.txt
is 'a second add' test "$code" -eq 0
is 'the first file is still there' has "$out" '5 passages of 2 sources'

recall ask 'how do I feed my cat?'
is 'ask' test "$code" -eq 0
is 'the best passage comes with line and headings' has "$out" 'pets.md:7  Pets > Feeding cats'
first=$(printf '%s\n' "$out" | sed -n 1p)
is 'it is the first line' has "$first" 'pets.md:7'
is 'its text is printed' has "$out" 'A cat eats meat, in many small portions.'
recall ask -k 1 what does a red signal mean
is 'words without quotes are one question' has "$out" 'trains.txt:9  Railways > Signals'
is 'text is filled' has "$out" 'red one is stopped by a magnet'
is '-k 1 prints one passage' test "$(grep -c '^ [0-9]  ' out.txt)" -eq 1
is 'no colour in a file' test "$(tr -cd '\033' <out.txt | wc -c)" -eq 0
recall ask -k 1000 dogs
is 'more answers than passages' test "$code" -eq 0
recall ask '?!'
is 'a question without words' test "$code" -eq 2
recall ask ''
is 'an empty question' test "$code" -eq 2
recall ask 'zzyzx qwfp'
is 'a question about nothing here' has "$out" 'Nothing here is clearly about that'

recall stats
is 'stats' test "$code" -eq 0
is 'stats: sources' has "$out" 'pets.md'
is 'stats: the vectors' has "$out" '512 dimensions'

# The scores do not depend on the order of adding.
recall -m order.mem add trains.txt pets.md
recall ask 'red signals'
grep '^ 1' out.txt >one.txt
recall -m order.mem ask 'red signals'
grep '^ 1' out.txt >two.txt
is 'the order of adding is without effect' cmp -s one.txt two.txt

cp recall.mem old.mem
sed 's/two hours/three hours/' pets.md >new.md && mv new.md pets.md
recall add pets.md
is 'a file that is added again replaces itself' has "$out" 'in place of 3'
is 'the count is as before' has "$out" '5 passages of 2 sources'
recall ask -k 1 'hours for the dog'
is 'the new text is found' has "$out" 'three hours'
recall ask -k 5 'hours for the dog'
is 'the old text is gone' test "$(grep -c 'two hours' out.txt)" -eq 0

recall forget cats.md
is 'forget what is not there' test "$code" -eq 1
recall forget pets.md
is 'forget' test "$code" -eq 0
is 'forget tells what is left' has "$out" '2 passages of 1 sources'
recall ask -k 9 'cats and dogs'
is 'what was forgotten is gone' test "$(grep -c pets.md out.txt)" -eq 0
recall forget trains.txt
is 'forget the last source' test "$code" -eq 0
recall stats
is 'an empty memory has stats' has "$out" '0 passages of 0 sources'
recall ask dogs
is 'an empty memory answers nothing' test "$code" -eq 1
recall add pets.md
is 'an empty memory takes a file' has "$out" '3 passages of 1 sources'

# ---- bad text files ------------------------------------------------------------------------------

mkdir folder
: >empty.txt
printf '\n \n\t\n' >blank.txt
printf '# Only\n\n## Headings\n' >headings.md
printf 'text\000binary\n' >binary.bin
printf 'A caf\351 in Li\350ge serves waffles and \360\237 broken bytes.\n' >latin.txt
printf '\377\376\335\314\273\252\231\210\377\376\335\314\273\252\231\210' >noise.bin
dd if=/dev/null of=huge.txt bs=1 seek=300000000 2>/dev/null
printf 'Secret words.\n' >secret.txt
chmod 000 secret.txt

# bad FILE MESSAGE: it is skipped with this message, and the good file of the command is added.
bad() {
    rm -f bad.mem
    recall -m bad.mem add "$1" trains.txt
    is "$1 is skipped: the exit code says so" test "$code" -eq 1
    is "$1 is skipped with a message" has "$err" "skipped $1: $2"
    is "beside $1 the other file is added" has "$out" '2 passages of 1 sources'
}
bad missing.txt ''
bad folder ''
bad empty.txt empty
bad blank.txt empty
bad headings.md empty
bad binary.bin binary
bad noise.bin binary
bad huge.txt 'larger than 256 MiB'
if [ -r secret.txt ]; then
    skip 'an unreadable file: this user reads everything'
else
    bad secret.txt ''
fi

cp recall.mem before.mem
recall add missing.txt folder binary.bin
is 'nothing to add: the exit code' test "$code" -eq 1
is 'nothing to add: the memory is as it was' cmp -s recall.mem before.mem
recall add latin.txt
is 'bytes that are not UTF-8 are counted' has "$err" '4 bytes are not UTF-8'
is 'and the text is added' test "$code" -eq 0
recall ask -k 1 'where are waffles served?'
is 'and found' has "$out" 'serves waffles'
printf '\357\273\277# Title\r\n\r\nWindows lines with \033[31mescapes\r\n' >dos.md
recall -m dos.mem add dos.md
recall -m dos.mem ask escapes
is 'a byte order mark and CR LF are no matter' has "$out" 'dos.md:3  Title'
is 'escapes do not reach the terminal' test "$(tr -cd '\033' <out.txt | wc -c)" -eq 0

# One line of 200 KB, without a blank and with; a deep path of headings; code with headings in it.
i=0 part=
while [ $i -lt 200 ]; do
    part="$part$i-lorem-ipsum-dolor"
    i=$((i + 1))
done
i=0
while [ $i -lt 50 ]; do
    printf '%s' "$part"
    i=$((i + 1))
done >line.txt
tr - ' ' <line.txt >words.txt
# shellcheck disable=SC2016  # nothing is to be expanded
printf '# a\n## b\n### c\n#### d\n##### e\n###### f\ndeep\n\n```\n# no heading\n```\n' >deep.md
recall -m long.mem add line.txt words.txt deep.md
is 'very long lines are cut' test "$code" -eq 0
recall -m long.mem ask -k 1 deep
is 'six levels of headings' has "$out" 'a > b > c > d > e > f'
is 'code has no headings' has "$out" '# no heading'

# ---- a damaged memory ----------------------------------------------------------------------------

recall -m good.mem add pets.md trains.txt
size=$(($(wc -c <good.mem)))

# refused NAME: hurt.mem is refused by every command, and stays as it is.
refused() {
    cp hurt.mem keep.mem
    for command in 'ask dogs' stats 'forget pets.md' 'add pets.md'; do
        # shellcheck disable=SC2086  # several words
        recall -m hurt.mem $command
        is "$1: $command is refused" test "$code" -eq 3
        is "$1: $command says so" has "$err" hurt.mem
        is "$1: $command leaves it as it is" cmp -s hurt.mem keep.mem
    done
}

# flip OFFSET: hurt.mem becomes good.mem with one bit changed.
flip() {
    byte=$(($(od -An -tu1 -j "$1" -N 1 good.mem)))
    cp good.mem hurt.mem
    # shellcheck disable=SC2059  # an octal escape is made here
    printf "\\$(printf '%03o' $((byte ^ 4)))" |
        dd of=hurt.mem bs=1 seek="$1" conv=notrunc 2>/dev/null
}

for at in 0 9 13 17 22 26 33 44 50 60 10000 $((size / 2)) $((size - 1)); do
    flip "$at"
    refused "bit at $at"
done
for keep in 1 20 56 1000 $((size / 2)) $((size - 1)); do
    dd if=good.mem of=hurt.mem bs="$keep" count=1 2>/dev/null
    refused "cut to $keep bytes"
done
{
    cat good.mem
    echo more
} >hurt.mem
refused 'with bytes behind it'
: >hurt.mem
refused 'empty file'
cp handbook.md hurt.mem
refused 'a text in its place'
recall -m good.mem stats
is 'the sound one still works' test "$code" -eq 0
recall -m folder add pets.md
is 'a folder is no memory' test "$code" -ge 3
recall -m nowhere/recall.mem add pets.md
is 'a folder that does not exist' test "$code" -eq 4

# ---- how good it is ------------------------------------------------------------------------------

recall eval pets.md missing.txt
is 'eval tells of what was skipped' test "$code" -eq 1
recall eval latin.txt
is 'eval without headings' test "$code" -eq 1
recall eval handbook.md
is 'eval' test "$code" -eq 0
is 'eval tells the number of questions' has "$out" '61 questions'
# value NAME COLUMN: a figure of the table (1: hit@1, 2: hit@5), in tenths of a percent.
value() {
    tr -d '\r.' <out.txt | sed -n "s/^  $1 *\([0-9]*\) % *\([0-9]*\) %.*/\\$2/p"
}
is 'hit@1 is half again that of counting words' \
    test $(($(value recall 1) * 2)) -ge $(($(value 'shared words' 1) * 3))
is 'hit@5 is above that of counting words' test "$(value recall 2)" -gt "$(value 'shared words' 2)"
is 'more than half of the first answers are right' test "$(value recall 1)" -ge 500
recall -m handbook.mem add handbook.md
recall -m handbook.mem ask 'my knife is dull, what do I do?'
is 'a question in words of a user' has "$out" 'Sharpened knives'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
