#!/bin/sh
# tests/compile/run.sh [quick]: do the generated headers build in every combination, without a
# warning, and do they export what they should? One line per check, then "N passed, N failed,
# N skipped". quick leaves out the C++ twins of the slow combinations.
#
# CC, CXX (empty: no C++), CFLAGS, LDFLAGS; RUN stands in front of a program that runs; BUILD is
# where files go; HEADERS is the folder of the headers. Everything is built at -O0: what the
# optimizer makes of the code is the matter of the other tests. C and C++ go side by side.
# shellcheck disable=SC1007,SC2015,SC2086  # compilers, flags and names are lists of words
set -u

here=$(cd "$(dirname "$0")" && pwd)
headers=$(cd "${HEADERS:-$here/../..}" && pwd)
CC=${CC:-cc}
CXX=${CXX-c++}
RUN=${RUN:-}
mkdir -p "${BUILD:-build}/compile-tests"
base=$(cd "${BUILD:-build}/compile-tests" && pwd)
work=$base # each language has its own below
quick=${1:-}
rm -rf "${base:?}"/*
mkdir "$base/old" "$base/c" "$base/cxx"

# ---- what happened ------------------------------------------------------------------------------

good() { echo "ok $1"; }
skip() { echo "skipped $1: $2"; }
bad() {
    echo "FAIL $1"
    head -n 12 "$work/log" | sed 's/^/    /'
}

# try NAME COMMAND...: the command must succeed.
try() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then good "$name"; else bad "$name"; fi
}

# ---- compilers ----------------------------------------------------------------------------------

{
    warn= only_c= read_only=
    case $($CC --version 2>/dev/null) in
    *clang*)
        warn='-Wall -Wextra -pedantic -Wconversion -Wshadow -Wundef -Wsign-conversion -Werror'
        warn="$warn -Wreserved-identifier"
        ;;
    *[gG][cC][cC]* | *'Free Software Foundation'*)
        warn='-Wall -Wextra -pedantic -Wconversion -Wshadow -Wundef -Werror'
        ;;
    esac
    if [ -n "$warn" ]; then
        only_c='-Wstrict-prototypes -Wc++-compat'
        read_only=-fsyntax-only
    fi
}
flags="$warn ${CFLAGS:-} -O0 -I$headers -I$here"

# build LANGUAGE ARGS...: the compiler with our flags. LANGUAGE: c or cxx.
build() {
    lang=$1
    shift
    case $lang in
    c) $CC -std=c11 $only_c $flags "$@" ;;
    *) $CXX -std=c++17 $flags "$@" ;;
    esac
}

# link LANGUAGE OUTPUT OBJECTS...
link() {
    lang=$1 out=$2
    shift 2
    case $lang in
    c) $CC ${CFLAGS:-} -o "$out" "$@" ${LDFLAGS:-} -lm -lpthread ;;
    *) $CXX ${CFLAGS:-} -o "$out" "$@" ${LDFLAGS:-} -lm -lpthread ;;
    esac
}

# ---- sources ------------------------------------------------------------------------------------

upper() { echo "$1" | tr '[:lower:]' '[:upper:]'; }
macro() { echo "AIMEM_$(upper "$1")_IMPLEMENTATION"; }

# A source is written in words, in the order of the file:
#   +NAME  #define NAME      -NAME  #undef NAME      X  #include "aimem_X.h", implemented or not as
#   the macros say      all  #include "aimem.h"      old:X, old:all  the older sister
#   impl:X and impl:old:X  include it with its implementation macro, and undefine that again
#   system  system headers   use  calls of all that stands above
#   words-of-today  an error unless the newest vocabulary is there
words() {
    for word in "$@"; do
        case $word in
        +*) echo "#define ${word#+}" ;;
        -*) echo "#undef ${word#-}" ;;
        system)
            printf '#include <%s>\n' stdio.h stdlib.h string.h math.h time.h
            ;;
        words-of-today)
            printf '#ifndef AIMEM_ERR_REJECTED\n#error "a result code is missing"\n#endif\n'
            echo 'typedef char aimem_has_logger[sizeof(aimem_logger)];'
            ;;
        use)
            echo '#include "use.h"'
            echo "int $unit(void);"
            echo "int $unit(void) { return use_all(); }"
            ;;
        impl:*)
            one=${word#impl:}
            words "+$(macro "${one#old:}")" "$one" "-$(macro "${one#old:}")"
            ;;
        old:all) echo '#include "old/aimem.h"' ;;
        old:*) echo "#include \"old/aimem_${word#old:}.h\"" ;;
        all) echo '#include "aimem.h"' ;;
        *) echo "#include \"aimem_$word.h\"" ;;
        esac
    done
}

# source_file FILE WORDS...
source_file() {
    unit=$(basename "$1" | tr -c 'a-zA-Z0-9\n' '_')
    unit=unit_${unit%_*}
    target=$1
    shift
    words "$@" >"$target"
}

# one LANGUAGE NAME WORDS...: one file, compiled to an object.
one() {
    lang=$1 what=$2
    shift 2
    source_file "$work/one.$lang" "$@"
    try "$lang: $what" build "$lang" "-I$base" -c -o "$work/one.o" "$work/one.$lang"
}

# reads LANGUAGE NAME WORDS...: the same for declarations only, where no code need be made.
reads() {
    lang=$1 what=$2
    shift 2
    source_file "$work/one.$lang" "$@"
    try "$lang: $what" build "$lang" "-I$base" ${read_only:--c -o "$work/one.o"} "$work/one.$lang"
}

# refuse LANGUAGE NAME TEXT WORDS...: must not compile, and must say TEXT.
refuse() {
    lang=$1 what=$2 text=$3
    shift 3
    source_file "$work/one.$lang" "$@"
    if build "$lang" "-I$base" -c -o "$work/one.o" "$work/one.$lang" >"$work/log" 2>&1; then
        echo 'it compiles, but should not' >"$work/log"
        bad "$lang: $what"
    elif grep -q "$text" "$work/log"; then
        good "$lang: $what"
    else
        bad "$lang: $what"
    fi
}

# object LANGUAGE UNIT WORDS...: one translation unit for programs.
object() {
    lang=$1 tu=$2
    shift 2
    source_file "$work/$tu.$lang" "$@"
    build "$lang" "-I$base" -c -o "$work/$tu.$lang.o" "$work/$tu.$lang"
}

# run_linked LANGUAGE COUNT UNITS...: links the units with a main that adds up what they return.
run_linked() {
    lang=$1 expected=$2 list= sum=0
    shift 2
    {
        for tu in "$@"; do echo "int unit_$tu(void);"; done
        for tu in "$@"; do sum="$sum + unit_$tu()"; done
        echo "int main(void) { return ($sum) == $expected ? 0 : 1; }"
    } >"$work/main.$lang"
    build "$lang" -c -o "$work/main.$lang.o" "$work/main.$lang" || return 1
    for tu in "$@"; do list="$list $work/$tu.$lang.o"; done
    link "$lang" "$work/program.exe" "$work/main.$lang.o" $list ${extra:-} || return 1
    $RUN "$work/program.exe" && return 0
    echo "exit code $?: a call did not give what it should (use.h)"
    return 1
}

# program LANGUAGE NAME COUNT UNIT...: COUNT is the number of headers that work, over all units.
program() {
    lang=$1 what=$2
    shift 2
    if [ "$runs" = yes ]; then
        try "$lang: $what" run_linked "$lang" "$@"
    else
        skip "$lang: $what" 'programs for this target do not run here'
    fi
}

# ---- the checks ---------------------------------------------------------------------------------

alone() {
    for h in $names; do
        reads "$1" "$h: declarations" "$h" use
        one "$1" "$h: implementation" "impl:$h" use
        one "$1" "$h: implementation twice" "impl:$h" "impl:$h" use
        one "$1" "$h: declarations, then implementation" "$h" "impl:$h" use
        one "$1" "$h: implementation, then declarations" "impl:$h" "$h" use
        one "$1" "$h: after system headers" system "impl:$h" use
        one "$1" "$h: before system headers" "impl:$h" system use
        one "$1" "$h: static" +AIMEM_STATIC "impl:$h" use
        one "$1" "$h: static by its own macro" "+AIMEM_$(upper "$h")_STATIC" "impl:$h" use
        if [ "$h" = pool ]; then
            one "$1" "$h: without its parts" +AIMEM_POOL_NO_BUFFERS +AIMEM_POOL_NO_BUDGET \
                +AIMEM_POOL_NO_PLAN +AIMEM_POOL_NO_TUNING "impl:$h" use
        fi
        one "$1" "$h: for a shared library" +AIMEM_DLL "impl:$h" use
    done
    reads "$1" 'all: declarations' $names use
    one "$1" 'all: implementation' system +AIMEM_IMPLEMENTATION $names use
    one "$1" 'all: declarations, then implementation' $names +AIMEM_IMPLEMENTATION $names use
    one "$1" 'all: the same for a shared library' +AIMEM_DLL $names +AIMEM_IMPLEMENTATION $names use
}

pairs() {
    for a in $names; do
        for b in $names; do
            [ "$a" != "$b" ] || continue
            reads "$1" "$a, $b: declarations" "$a" "$b" use
            one "$1" "$a, $b: both implemented" "impl:$a" "impl:$b" use
            one "$1" "old $a, new $b: both implemented" "impl:old:$a" "impl:$b" words-of-today use
            one "$1" "new $a, old $b: both implemented" "impl:$a" "impl:old:$b" words-of-today use
            reads "$1" "old $a, new $b: declarations" "old:$a" "$b" words-of-today use
            one "$1" "bundle with $a, bundle with $b" "+$(macro "$a")" all "-$(macro "$a")" \
                "+$(macro "$b")" all use
            one "$1" "bundle with $a, single $b, bundle" "+$(macro "$a")" all "-$(macro "$a")" \
                "impl:$b" all use
            refuse "$1" "bundle with $a, old bundle with $b: refused" 'another version' \
                "+$(macro "$a")" all "-$(macro "$a")" "+$(macro "$b")" old:all
        done
    done
}

bundles() {
    reads "$1" 'bundle: declarations' all use
    one "$1" 'bundle: implementation' +AIMEM_IMPLEMENTATION all use
    one "$1" 'bundle: implementation twice' +AIMEM_IMPLEMENTATION all all use
    one "$1" 'bundle: declarations, then implementation' all +AIMEM_IMPLEMENTATION all use
    one "$1" 'bundle: static' +AIMEM_STATIC +AIMEM_IMPLEMENTATION all use
    one "$1" 'bundle, then singles' +AIMEM_IMPLEMENTATION all $names use
    one "$1" 'singles, then bundle' +AIMEM_IMPLEMENTATION $names all use
    one "$1" 'single declarations, then bundle' $names +AIMEM_IMPLEMENTATION all use
    for h in $names; do
        one "$1" "bundle: only $h implemented" "impl:$h" all use
        one "$1" "bundle with $h only, then all of it" "+$(macro "$h")" all \
            +AIMEM_IMPLEMENTATION all use
        one "$1" "single $h, then bundle" "impl:$h" +AIMEM_IMPLEMENTATION all use
        one "$1" "old single $h, then bundle" "impl:old:$h" +AIMEM_IMPLEMENTATION all \
            words-of-today use
        one "$1" "bundle, then old single $h" +AIMEM_IMPLEMENTATION all "old:$h" \
            words-of-today use
        one "$1" "old bundle with $h, then new single" "+$(macro "$h")" old:all "$h" use
        refuse "$1" "old declarations of $h, new implementation: refused" 'another version' \
            "old:$h" "impl:$h"
        refuse "$1" "new declarations of $h, old implementation: refused" 'another version' \
            "$h" "impl:old:$h"
    done
    one "$1" 'old bundle, then new bundle' +AIMEM_IMPLEMENTATION old:all all words-of-today use
    one "$1" 'new bundle, then old bundle' +AIMEM_IMPLEMENTATION all old:all words-of-today use
}

# A bundle that a user makes beside the full one.
subset() {
    if [ ! -f "$base/aimem_subset.h" ]; then
        skip "$1: a bundle by -o" 'amalgamate.py did not run (no python3?)'
        return
    fi
    one "$1" 'bundle by -o' +AIMEM_IMPLEMENTATION subset use
    first=${names%% *}
    one "$1" "bundle by -o with $first, full bundle" "+$(macro "$first")" subset \
        +AIMEM_IMPLEMENTATION all use
    one "$1" "full bundle with $first, bundle by -o" "+$(macro "$first")" all \
        +AIMEM_IMPLEMENTATION subset use
}

many_files() {
    l=$1
    for h in $names; do
        {
            object "$l" "${h}_decl" "$h" use
            object "$l" "${h}_impl" "impl:$h" use
            object "$l" "${h}_static1" +AIMEM_STATIC "impl:$h" use
            object "$l" "${h}_static2" +AIMEM_STATIC "impl:$h" use
            object "$l" "${h}_old_decl" "old:$h" use
            object "$l" "${h}_old_impl" "impl:old:$h" use
            object "$l" "${h}_old_static" +AIMEM_STATIC "impl:old:$h" use
        } >"$work/objects.log" 2>&1 || cat "$work/objects.log"
        program "$l" "$h: declared here, implemented there" 2 "${h}_decl" "${h}_impl"
        program "$l" "$h: static twice" 2 "${h}_static1" "${h}_static2"
        program "$l" "$h: extern here, static there" 2 "${h}_impl" "${h}_static1"
        program "$l" "$h: old extern, new static" 3 "${h}_old_decl" "${h}_old_impl" "${h}_static1"
        program "$l" "$h: new extern, old static" 3 "${h}_decl" "${h}_impl" "${h}_old_static"
        program "$l" "$h: old static, new static" 2 "${h}_old_static" "${h}_static1"
    done
    {
        object "$l" all_decl $names use
        object "$l" all_impl +AIMEM_IMPLEMENTATION $names use
        object "$l" bundle_decl all use
        object "$l" bundle_impl +AIMEM_IMPLEMENTATION all use
        object "$l" bundle_static +AIMEM_STATIC +AIMEM_IMPLEMENTATION all use
    } >"$work/objects.log" 2>&1 || cat "$work/objects.log"
    program "$l" 'all: declared here, implemented there' $((2 * count)) all_decl all_impl
    program "$l" 'bundle declared, singles implemented' $((2 * count)) bundle_decl all_impl
    program "$l" 'singles declared, bundle implemented' $((2 * count)) all_decl bundle_impl
    program "$l" 'bundle extern and static' $((2 * count)) bundle_impl bundle_static
    for a in $names; do
        program "$l" "$a extern, bundle static" $((count + 1)) "${a}_impl" bundle_static
        for b in $names; do
            [ "$a" != "$b" ] || continue
            program "$l" "old $a and new $b" 4 "${a}_old_decl" "${a}_old_impl" "${b}_decl" \
                "${b}_impl"
        done
    done
}

# aimem.c as a build system takes it.
aimem_c() {
    language_option=
    [ "$1" = c ] || language_option='-x c++'
    if build "$1" -c -o "$work/aimem.o" $language_option "$headers/aimem.c" >"$work/log" 2>&1; then
        extra=$work/aimem.o
        program "$1" 'aimem.c' "$count" bundle_decl
        extra=
    else
        bad "$1: aimem.c"
    fi
}

shared_library() {
    case $($CC -dumpmachine 2>/dev/null) in
    *linux* | *bsd*) ;;
    *)
        skip "$1: shared library" 'only tried with ELF'
        return
        ;;
    esac
    source_file "$work/dll.$1" +AIMEM_DLL +AIMEM_IMPLEMENTATION $names
    source_file "$work/client.$1" +AIMEM_DLL $names use
    try "$1: shared library builds" make_library "$1"
    try "$1: shared library is used" use_library "$1"
    shown=$(nm -D -P "$work/libaimem-$1.so" |
        awk '$2 ~ /^[TDBRVGSC]$/ && $1 !~ /^(aimem_|_init$|_fini$)/ { print $1 }')
    printf '%s\n' "$shown" >"$work/log"
    if [ -z "$shown" ]; then good "$1: shared library shows only aimem_"; else
        bad "$1: shared library shows only aimem_"
    fi
}
make_library() {
    build "$1" -fPIC -fvisibility=hidden -c -o "$work/dll.o" "$work/dll.$1" &&
        link "$1" "$work/libaimem-$1.so" -shared "$work/dll.o"
}
use_library() {
    build "$1" -c -o "$work/client.$1.o" "$work/client.$1" || return 1
    extra=$work/libaimem-$1.so
    if [ "$runs" = yes ]; then run_linked "$1" "$count" client; else
        link "$1" "$work/client-only.so" -shared "$work/client.$1.o" "$extra"
    fi
    code=$?
    extra=
    return $code
}

# symbols LANGUAGE NAME FILE: what an object shows and keeps. In C++ the inline functions of the
# vocabulary are weak symbols, as they should be: one per program.
symbols() {
    if ! nm -P "$3" >"$work/nm" 2>/dev/null; then
        skip "$1: $2: symbols" 'nm does not read this object'
        return
    fi
    # name type ...; U, w and v are what the object needs from others
    awk -v static="$4" -v cxx="$1" '
        $2 !~ /^[A-Z]$/ || $2 == "U" || $1 ~ /^_?(_Z[0-9]+)?unit_|^__x86[.]|^[.]/ { next }
        cxx == "cxx" && ($2 == "W" || /aimem_result_string/) && $1 ~ /^(_Z[0-9]+)?aimem_/ { next }
        static == "yes" || $1 !~ /^_?(_Z[0-9]+)?aimem_/ { print $1, $2; wrong = 1 }
        END { exit wrong }' "$work/nm" >"$work/log" &&
        good "$1: $2: names shown" || bad "$1: $2: names shown"
    if [ "$const_data" != yes ]; then
        skip "$1: $2: no writable globals" 'this compiler has no read-only data'
        return
    fi
    # Data that can be written to; the cache of the processor flags is the one documented exception.
    # (.data and the like are sections, L.1 a literal of tcc.)
    awk '$2 ~ /^[DdBbCcSsGg]$/ && $1 !~ /aimc_.*cpu|^[.]|^L[.]/ { print $1, $2; wrong = 1 }
        END { exit wrong }' "$work/nm" >"$work/log" &&
        good "$1: $2: no writable globals" || bad "$1: $2: no writable globals"
}

all_symbols() {
    const_data=no
    printf 'int unit_main(int i);\nint unit_main(int i) {\n' >"$work/one.$1"
    printf '    static const int table[2] = {1, 2};\n    return table[i];\n}\n' >>"$work/one.$1"
    build "$1" -c -o "$work/one.o" "$work/one.$1" && nm -P "$work/one.o" |
        awk '/table/ && $2 ~ /[dD]/ { wrong = 1 } END { exit wrong }' && const_data=yes
    for h in $names; do
        symbols "$1" "$h" "$work/${h}_impl.$1.o" no
        symbols "$1" "$h static" "$work/${h}_static1.$1.o" yes
    done
    symbols "$1" bundle "$work/bundle_impl.$1.o" no
    symbols "$1" 'bundle static' "$work/bundle_static.$1.o" yes
}

# Private macros must be gone behind the implementation, but for the mark of a bundle's core.
no_macros() {
    for h in $names all; do
        file=aimem_$h.h m=$(macro "$h")
        [ "$h" != all ] || file=aimem.h m=AIMEM_IMPLEMENTATION
        source_file "$work/one.c" "+$m" "$h"
        sed -n 's/^# *define \(AIM[CI]_[A-Z0-9_]*\).*/\1/p' "$headers/$file" | sort -u |
            sed '/_CORE$/d; s/.*/#ifdef &\n#error "& is left"\n#endif/' >>"$work/one.c"
        try "c: $h: no private macro is left" build c -c -o "$work/one.o" "$work/one.c"
    done
}

# The newer and older languages that the compiler knows.
standards() {
    source_file "$work/std.c" system +AIMEM_IMPLEMENTATION $names use
    cp "$work/std.c" "$work/std.cxx"
    for std in $2; do
        echo 'int main(void) { return 0; }' >"$work/empty.$1"
        if ! build "$1" "-std=$std" -c -o "$work/empty.o" "$work/empty.$1" >"$work/log" 2>&1; then
            skip "$1: -std=$std" 'the compiler does not know it'
            continue
        fi
        try "$1: -std=$std" build "$1" "-std=$std" -c -o "$work/std.o" "$work/std.$1"
    done
}

# ---- the run ------------------------------------------------------------------------------------

# Everything for one language.
checks() {
    work=$base/$1
    alone "$1"
    bundles "$1"
    many_files "$1"
    aimem_c "$1"
    shared_library "$1"
    all_symbols "$1"
    if [ "$1" = c ] || [ "$quick" != quick ]; then
        pairs "$1"
        subset "$1"
    fi
    case $1 in
    c)
        no_macros
        standards c 'c17 gnu11 gnu17 c2x'
        ;;
    *) standards cxx 'gnu++17 c++20 c++2b' ;;
    esac
    echo "$1: that was all"
}

# What both need: the older sisters, a bundle, and whether programs run here.
prepare() {
    for h in $names all; do
        file=aimem_$h.h
        [ "$h" != all ] || file=aimem.h
        try "an older $file" sh -c "awk -f '$here/old.awk' '$headers/$file' '$headers/$file' \
            >'$base/old/$file'"
    done
    python3 "$here/../../amalgamate.py" $names --src "$headers/src" -o "$base/aimem_subset.h" \
        >"$work/log" 2>&1
    runs=no
    echo 'int main(void) { return 0; }' >"$work/main.c"
    if build c -c -o "$work/main.o" "$work/main.c" >/dev/null 2>&1 &&
        link c "$work/program.exe" "$work/main.o" >/dev/null 2>&1 &&
        $RUN "$work/program.exe" >/dev/null 2>&1; then
        runs=yes
    fi
}

names= count=0
for h in pool vec persist gpu prof gc cache; do
    [ -f "$headers/aimem_$h.h" ] || continue
    names="$names${names:+ }$h"
    count=$((count + 1))
done
if [ -z "$names" ]; then
    echo "FAIL there is no aimem_*.h in $headers: run python3 amalgamate.py"
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
fi

prepare >"$base/results"
if [ -n "$CXX" ]; then
    checks cxx >"$base/results.cxx" 2>&1 &
else
    skip 'cxx: everything' 'there is no C++ compiler' >"$base/results.cxx"
fi
checks c >"$base/results.c" 2>&1
wait
for language in c ${CXX:+cxx}; do
    grep -q "^$language: that was all" "$base/results.$language" ||
        echo "FAIL $language: the checks stopped early" >>"$base/results.$language"
done
cat "$base/results.c" "$base/results.cxx" | grep -v ': that was all$' >>"$base/results"
cat "$base/results"
failed=$(grep -c '^FAIL ' "$base/results")
passed=$(grep -c '^ok ' "$base/results")
skipped=$(grep -c '^skipped ' "$base/results")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
