#!/bin/sh
# bench/headers.sh: what a header costs the compiler. Prints ratio lines with peer=limit:
#   headers.include.<header>.<compiler>    <= 10 ms   (including it, beyond an empty file)
#   headers.implement.<header>.<compiler>  <= 2000 ms (implementing it at -O2)
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$here/build}/bench
mkdir -p "$build"

python=$(command -v python3) || {
    echo "ratio headers.* - skipped (python3 is missing)"
    exit 0
}
exec "$python" - "$here" "$build" <<'PY'
import os, shutil, statistics, subprocess, sys, time

here, build = sys.argv[1:]
rounds = max(5, int(os.environ.get("BENCH_ROUNDS", "7")))
counts = {"met": 0, "close": 0, "short": 0, "skipped": 0}

def cpu_ms(command):
    before = os.times()
    subprocess.run(command, check=True)
    after = os.times()
    return 1000 * (after.children_user + after.children_system
                   - before.children_user - before.children_system)

def line(name, values, limit):
    low, high, mid = min(values), max(values), statistics.median(values)
    verdict = "met" if high <= limit else "short" if low > limit else "close"
    counts[verdict] += 1
    print("ratio %s %.3f ours=%.1f best_peer=%d ms peer=limit goal<=1 %s  [%.1f .. %.1f]"
          % (name, mid / limit, mid, limit, verdict, low, high), flush=True)

def source(name, text):
    path = os.path.join(build, name)
    with open(path, "w") as f:
        f.write(text)
    return path

standard = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"
empty = source("empty.c", standard + "int main(void) { return 0; }\n")
for header in ("aimem_pool.h", "aimem_vec.h", "aimem.h"):
    include = source("inc.c", standard + '#include "%s"\nint main(void) { return 0; }\n' % header)
    body = source("imp.c", '#define AIMEM_IMPLEMENTATION\n#include "%s"\n' % header)
    for cc in ("gcc", "clang"):
        if shutil.which(cc) is None:
            counts["skipped"] += 2
            print("ratio headers.*.%s.%s - skipped (no %s)" % (header, cc, cc))
            continue
        out = os.path.join(build, "out.o")
        base = [cc, "-std=c11", "-O2", "-c", "-o", out, "-I", here]
        many = 10
        include_ms, body_ms = [], []
        for _ in range(rounds):
            with_it = sum(cpu_ms(base + [include]) for _ in range(many)) / many
            without = sum(cpu_ms(base + [empty]) for _ in range(many)) / many
            include_ms.append(max(0.0, with_it - without))
            body_ms.append(cpu_ms(base + [body]))
        line("headers.include.%s.%s" % (header, cc), include_ms, 10)
        line("headers.implement.%s.%s" % (header, cc), body_ms, 2000)
print("bench: %(met)d met, %(close)d close, %(short)d short, %(skipped)d skipped" % counts)
PY
