# tests/compile/old.awk: an older sister of a generated header, for the tests that put old beside
# new. Reads the file twice (awk -f old.awk x.h x.h). Lowers the version, and leaves out the result
# codes and vocabulary blocks that the header itself does not use: an older one had fewer of them.

BEGIN {
    split("REJECTED RECURSION DEVICE_LOST OVERRUN DOUBLE_FREE INTERIOR", names, " ")
    for (i in names) code["AIMEM_ERR_" names[i]] = 3 # lines: #ifndef, #define, case
    split("LOGGER PROGRESS PARALLEL CLOCK VM", names, " ")
    for (i in names) block["aimem_" tolower(names[i])] = "AIMEM_TYPE_" names[i] "_1"
}

# The words of a line, without what stands in a one-line comment.
function words(line, list) {
    gsub(/\/\*.*\*\//, "", line)
    return split(line, list, /[^A-Za-z0-9_]+/)
}

FNR == NR { # first time: count the lines that use each name
    n = words($0, list)
    for (i = 1; i <= n; i++) {
        if (list[i] in code || list[i] in block) lines[list[i]]++
    }
    next
}

FNR == 1 { # which may go: only their own lines mention them
    for (c in code) if (lines[c] == code[c]) drop[c] = 1
    for (b in block) if (lines[b] == 2) drop[block[b]] = 1
}

/^#ifndef / && ($2 in drop) { inside = 1; dropped++ }
/^ *case / {
    name = $2
    sub(/:.*/, "", name)
    if (name in drop) next
}
inside { if (/^#endif/) inside = 0; next }

/^#define AIMEM_[A-Z]+_VERSION_(MAJOR|MINOR) / { $3 = 0 }
/^#define AIMEM_[A-Z]+_VERSION_PATCH / { $3 = 99 }
/^#define AIMEM_[A-Z]+_VERSION / { $3 = 99 }
/^#if AIMEM_[A-Z]+_VERSION != / { $4 = 99 }
{ print }

END { if (dropped == 0) exit 3 } # not older at all: the caller says so
