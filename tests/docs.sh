#!/bin/sh
# tests/docs.sh: what the documents promise is true. Every program in a document or in the
# documentation block of a header is compiled without a warning and runs; every relative link leads
# to a file.
#
# A program in Markdown is a fenced block "```c" with an int main in it; in a header it is the first
# text after a line with the word EXAMPLE, from its first line that starts with # to the closing
# brace of main. CC, CXX, CFLAGS, LDFLAGS and BUILD are read; RUN stands in front of programs.
set -u
cd "$(dirname "$0")/.." || exit 2
CC=${CC:-cc} BUILD=${BUILD:-build/docs}
AT=$BUILD/docs
mkdir -p "$AT/run"
rm -f "$AT"/*.* "$AT"/*-c "$AT"/*-cxx
AT=$(cd "$AT" && pwd)
passed=0 failed=0 skipped=0

good() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAIL $1"
}

# program NAME SOURCE: compiled as C and, with CXX, as C++; runs in a folder of its own.
program() {
    for mode in c cxx; do
        case $mode in
        c) compile="$CC -std=c11" ;;
        *)
            [ -n "${CXX:-}" ] || continue
            compile="$CXX -std=c++17 -x c++"
            ;;
        esac
        out=$AT/$1-$mode
        case $CC in
        *tcc*) warn= ;;
        *) warn='-Wall -Wextra -Wno-missing-field-initializers -Werror' ;;
        esac
        # shellcheck disable=SC2086  # lists of words
        if ! $compile ${CFLAGS:-} $warn -I. -o "$out" "$2" -x none ${LDFLAGS:-} -lm -lpthread \
            >"$AT/$1.log" 2>&1; then
            # A compiler that does not know -x.
            # shellcheck disable=SC2086
            if [ $mode = cxx ] || ! $compile ${CFLAGS:-} -I. -o "$out" "$2" ${LDFLAGS:-} -lm \
                -lpthread >>"$AT/$1.log" 2>&1; then
                bad "$1 ($mode) does not compile"
                cat "$AT/$1.log"
                continue
            fi
        fi
        # shellcheck disable=SC2086
        if (cd "$AT/run" && ${RUN:-} "$out" >"$AT/$1.out" 2>&1); then
            good
        else
            bad "$1 ($mode) does not return 0"
            cat "$AT/$1.out"
        fi
    done
}

# The programs of one Markdown file, as AT/NAME-1.c, AT/NAME-2.c ...
from_markdown() {
    awk -v base="$2" '
        /^```/ {
            if (!inside) { inside = 1; text = ""; wanted = ($0 == "```c"); next }
            if (wanted && text ~ /int main\(/) { n++; printf "%s", text > (base "-" n ".c") }
            inside = 0; next
        }
        inside { text = text $0 "\n" }' "$1"
}

# The program in the documentation block of a header.
from_header() {
    awk -v out="$2" '
        !seen && /EXAMPLE/ { seen = 1; next }
        seen && /\*\// && !begun { exit }
        seen {
            line = $0
            sub(/^ \* ?/, "", line)
            if (!begun && line ~ /^ *#/) {
                begun = 1
                match(line, /^ */)
                indent = RLENGTH
            }
            if (begun) {
                print substr(line, indent + 1) > out
                if (line ~ /int main\(/) main = 1
                if (main && substr(line, indent + 1) ~ /^}/) exit
            }
        }' "$1"
}

for file in *.md docs/*.md docs/*/*.md; do
    [ -f "$file" ] || continue
    name=$(printf '%s' "$file" | tr '/.' '--')
    from_markdown "$file" "$AT/$name"
    for source in "$AT/$name"-*.c; do
        [ -f "$source" ] && program "$(basename "$source" .c)" "$source"
    done
    links=0 broken=0
    folder=$(dirname "$file")
    # shellcheck disable=SC2013  # links have no spaces
    for link in $(grep -o '](\([^)#: ]*\)[)#]' "$file" | sed -e 's/^](//' -e 's/[)#]$//'); do
        links=$((links + 1))
        [ -e "$folder/$link" ] && continue
        broken=$((broken + 1))
        bad "$file: there is no $link"
    done
    [ "$broken" -gt 0 ] || [ "$links" -eq 0 ] || good
done

for header in aimem*.h; do
    [ "$header" = aimem.h ] && continue # the same blocks again
    [ -f "$header" ] || continue
    name=$(basename "$header" .h)
    from_header "$header" "$AT/$name.c"
    if [ ! -f "$AT/$name.c" ]; then
        bad "$header: no program after a line with EXAMPLE in its documentation"
    else
        program "$name" "$AT/$name.c"
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
