#!/usr/bin/env python3
# amalgamate.py: makes the single-file headers from src/, and checks the sources on the way.
#
#   python3 amalgamate.py                      write aimem_*.h, aimem.h and aimem.c
#   python3 amalgamate.py --check              write nothing; fail when a file is stale
#   python3 amalgamate.py --list               the parts of each header, with their sizes
#   python3 amalgamate.py pool vec -o my.h     one file with these headers only
#   python3 amalgamate.py pool --strip -o p.h  the same without comments
#   python3 amalgamate.py --readme             measure, and write the table in README.md
#
# What it does. src/aimem_X.h is the root of a header: a documentation block, the declarations, the
# implementation, the licence. It includes parts: src/core/*.h (shared, private), src/X/*.h (its
# own). Every #include "part" is replaced by the part, once per file; #include <...> is left alone,
# also when repeated, because removing repeats breaks includes that stand under #if.
#
# Three things are done to the text.
#  1. The include guard of a part goes, since the part is there once. The public vocabulary
#     (core/types.h and other core parts with AIMEM_TYPE_ guards, block by block) stays as it is.
#  2. Names of the core get the name of the file into their prefix: aimc_ becomes aimc_pool_, AIMC_
#     becomes AIMC_POOL_. So headers of different age, each with its own core, stand in one file.
#  3. Private macros are undefined at the end of the implementation.
# A file with several headers holds the core once, compiled by the first header that is implemented.
#
# Only the standard library, Python 3.8 and later. The same input gives the same bytes everywhere.

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # leave no __pycache__ in the repository
sys.path.insert(0, os.path.join(HERE, "tools"))
from ctext import INCLUDE, directives, mask, match_endif, strip_comments  # noqa: E402
from lint import lint  # noqa: E402

ORDER = ["pool", "vec", "persist", "gpu", "prof", "gc", "cache"]
LIMIT_KB = {"pool": 750}  # of source, for one header (pool: docs/STATUS.md says why); others:
LIMIT_KB_OTHERS = 450
LICENCE = "Unlicense OR MIT-0"
MARKS = ("<!-- headers:begin -->", "<!-- headers:end -->")  # the table in README.md


class Failure(Exception):
    """The sources have not the shape that a file could be made from."""


# ---- Parts, headers, the tree --------------------------------------------------------------------


class Part:
    """One file of src/."""

    def __init__(self, src, name):
        self.name = name  # "core/hash.h"
        self.path = src.replace(os.sep, "/") + "/" + name  # for messages
        with open(os.path.join(src, *name.split("/")), "rb") as f:
            self.raw = f.read()
        self.text = self.raw.decode("utf-8", "replace").replace("\r\n", "\n")
        self.code = mask(self.text, False)
        self.bare = mask(self.text, True)
        self.lines = self.text.rstrip("\n").split("\n")
        self.code_lines = self.code.rstrip("\n").split("\n")
        self.core = name.startswith("core/")
        self.vocabulary = self.core and "#ifndef AIMEM_TYPE_" in self.code
        self.api = bool(re.search(r"/api(_\w+)?\.h$", name))  # declarations
        self.guard = self.find_guard()

    def find_guard(self):
        """The lines of the include guard around the whole part: #ifndef, #define, #endif."""
        used = [i for i, line in enumerate(self.code_lines) if line.strip()]
        if self.vocabulary or len(used) < 3:
            return ()
        opens = re.match(r"#ifndef (\w+)$", self.code_lines[used[0]].strip())
        if not opens or self.code_lines[used[1]].split() != ["#define", opens.group(1)]:
            return ()
        closes = match_endif(self.code_lines, used[0])
        return (used[0], used[1], closes) if closes == used[-1] else ()

    def kb(self):
        return len(self.raw) / 1024


class Header:
    """A root, src/aimem_X.h, cut into its pieces."""

    def __init__(self, src, name):
        self.name = name
        self.file = "aimem_%s.h" % name
        self.root = Part(src, self.file)
        self.upper = name.upper()
        lines, code = self.root.lines, self.root.code_lines
        guard, implemented = "AIMEM_%s_H" % self.upper, "AIMEM_%s_IMPLEMENTED" % self.upper
        option = "AIMEM_%s_IMPLEMENTATION" % self.upper
        opens = self.line(code, 0, "#ifndef " + guard, "#define " + guard)
        closes = match_endif(code, opens)
        self.wanted = "defined(AIMEM_IMPLEMENTATION) || defined(%s)" % option
        start = self.line(code, closes or 0, "#if " + self.wanted, "#ifndef " + implemented,
                          "#define " + implemented)
        inner, end = match_endif(code, start + 1), match_endif(code, start)
        if None in (closes, inner, end):
            raise Failure("%s: an #if has no #endif; fix: close it" % self.root.path)
        self.doc = lines[:opens]
        self.declarations = (opens + 2, closes)
        self.between = lines[closes + 1 : start]
        self.implementation = (start, start + 3, inner, end + 1)
        self.licence = lines[end + 1 :]

    def line(self, code, start, *wanted):
        for i in range(start, len(code)):
            if [c.strip() for c in code[i : i + len(wanted)]] == list(wanted):
                return i
        raise Failure("%s: no lines `%s`; fix: give the root its guard in this form"
                      % (self.root.path, " / ".join(wanted)))

    def job(self):
        """What the first line of the documentation says behind the name, without the version."""
        text = self.doc[0].replace("/*", "").replace("*/", "").strip() if self.doc else ""
        text = re.sub(r"^aimem_\w+\.h\W*", "", text)
        text = re.sub(r"[\s,.;:(-]*\b(?:v|version )?\d+\.\d+\.\d+.*$", "", text, flags=re.I)
        return re.sub(r"[\s,.;-]+$", "", text)

    def needs(self):
        """The documentation's line `Needs: ...`: what to link with, what the system must have."""
        line = re.search(r"^[ *]*Needs: (.*\S)", "\n".join(self.doc), re.M)
        return line.group(1) if line else ""


class Tree:
    """All of src/, read once."""

    def __init__(self, src):
        self.src = src
        self.parts, self.headers, self.problems, self.names = {}, [], [], ORDER
        for name in ORDER:
            if os.path.isfile(os.path.join(src, "aimem_%s.h" % name)):
                self.headers.append(Header(src, name))
        for folder in ["core"] + [h.name for h in self.headers]:
            at = os.path.join(src, folder)
            for file in sorted(os.listdir(at)) if os.path.isdir(at) else []:
                if file.endswith(".h"):
                    self.parts[folder + "/" + file] = Part(src, folder + "/" + file)
        if not self.headers:
            raise Failure("%s: there is no aimem_X.h; fix: --src DIR" % src)
        for h in self.headers:
            self.reachable(h)

    def error(self, part, line, what, fix, bad=True):
        problem = (bad, "%s:%d: %s; fix: %s" % (part.path, line, what, fix))
        if problem not in self.problems:
            self.problems.append(problem)

    def warning(self, part, line, what, fix):
        self.error(part, line, what, fix, False)

    def reachable(self, header):
        """The parts of a header in the order in which they are expanded."""
        writer = Writer(self)
        writer.body(header.root, *header.declarations)
        writer.body(header.root, *header.implementation[1:3])
        return writer.order

    def version(self, header):
        """(number, text) from api.h."""
        api = self.parts.get(header.name + "/api.h")
        found = []
        for word in ("_MAJOR", "_MINOR", "_PATCH", ""):
            macro = "AIMEM_%s_VERSION%s" % (header.upper, word)
            m = api and re.search(r"^#define %s (\d+)\s*$" % macro, api.code, re.M)
            if not m:
                raise Failure("%s/%s/api.h: no `#define %s <number>`; fix: add it"
                              % (self.src, header.name, macro))
            found.append(int(m.group(1)))
        number = found[0] * 10000 + found[1] * 100 + found[2]
        if number != found[3]:
            self.error(api, 1, "AIMEM_%s_VERSION is %d" % (header.upper, found[3]),
                       "make it %d (major * 10000 + minor * 100 + patch)" % number)
        return number, "%d.%d.%d" % tuple(found[:3])


# ---- Writing -------------------------------------------------------------------------------------


class Writer:
    """Collects the lines of one file and expands each part once."""

    def __init__(self, tree):
        self.tree, self.out, self.order, self.dropped = tree, [], [], False
        self.done = {}  # name of a part: the #if branches around it
        self.inside = ()  # the #if branches around what is written now

    def put(self, *lines):
        for line in lines:
            empty = not line.strip()
            if empty and self.dropped and (not self.out or not self.out[-1]):
                continue  # no two empty lines where an include or a guard was
            self.dropped = self.dropped and empty
            self.out.append("" if empty else line)

    def body(self, part, start, end, skip=()):
        outside = self.inside
        for i in range(start, end):
            include = INCLUDE.match(part.code_lines[i])
            if i in skip or include:
                if include:
                    self.part(include.group(1), part, i + 1)
                self.dropped = True
                continue
            self.put(part.lines[i])
            word = re.match(r"\s*#\s*(if|el|endif)", part.code_lines[i])
            if word and word.group(1) != "if":
                self.inside = self.inside[:-1]
            if word and word.group(1) != "endif":
                self.inside += ("%s:%d" % (part.path, i + 1),)
        self.inside = outside

    def part(self, name, user, line):
        part = self.tree.parts.get(name)
        if part is None:
            raise Failure('%s:%d: no part "%s" in %s; fix: write it, or use <...> for what is not '
                          "ours" % (user.path, line, name, self.tree.src))
        if name in self.done:
            there = self.done[name]
            if self.inside[: len(there)] != there:
                self.tree.error(user, line, "%s was first included under the #if in %s, so it may "
                                "be missing here" % (name, there[-1]), "include it before that #if")
            return
        self.done[name] = self.inside
        for i in self.leading_includes(part):  # first what the part needs: fewer nested parts
            self.part(INCLUDE.match(part.code_lines[i]).group(1), part, i + 1)
        self.order.append(part)
        if self.out and self.out[-1].startswith("/* end "):
            self.put("")
        self.put("/* begin %s */" % name)
        self.body(part, 0, len(part.lines), part.guard)
        self.put("/* end %s */" % name)

    def leading_includes(self, part):
        for i, line in enumerate(part.code_lines):
            if INCLUDE.match(line):
                yield i
            elif line.strip() and i not in part.guard and not re.match(r"\s*#\s*include\s*<", line):
                return


def undefine(parts, prefix):
    names = {rest.split("(")[0].split()[0] for p in parts for _, word, rest in directives(p.code)
             if word == "define" and rest.startswith(prefix)}
    names -= {p.code_lines[p.guard[0]].split()[1] for p in parts if p.guard}
    return ["#undef " + n for n in sorted(names)]


def version_check(tree, header):
    """Declarations of one version and the implementation of another must not meet."""
    return ["#if AIMEM_%s_VERSION != %d" % (header.upper, tree.version(header)[0]),
            '#error "another version of %s was included above: implement that one"' % header.file,
            "#endif"]


def declarations(w, h):
    start, end = h.declarations
    w.put(*h.root.lines[: start])
    w.body(h.root, start, end)
    w.put(h.root.lines[end])


def one_header(tree, w, h):
    """The root with its parts in place."""
    start, code, inner, end = h.implementation
    declarations(w, h)
    w.put(*h.between)
    first = len(w.order)
    w.put(*h.root.lines[start:code])
    w.put(*version_check(tree, h))
    w.body(h.root, code, inner)
    parts = [p for p in w.order[first:] if not p.vocabulary]
    w.put("", "/* Private macros end here. */", *undefine(parts, "AIMC_"))
    w.put(*undefine(parts, "AIMI_"))
    w.put(*h.root.lines[inner:end])


def many_headers(tree, w, headers, file, digest):
    """Vocabulary, all declarations, the core once, then each header's own implementation."""
    shared = [p for h in headers for p in tree.reachable(h) if p.core]
    for p in shared:
        if p.vocabulary and p.name not in w.done:
            w.part(p.name, p, 1)
    for h in headers:
        w.put("")
        declarations(w, h)
    w.put("", "/* The private core, compiled for the first header that is implemented here. */")
    need = ["(!defined(AIMEM_%s_IMPLEMENTED) && \\\n     (%s))" % (h.upper, h.wanted)
            for h in headers]
    w.put(*("#if " + " || \\\n    ".join(need)).split("\n"))
    w.put("#if !defined(AIMC_CORE)", "#define AIMC_CORE 0x%s" % digest[:8], "")
    first = len(w.order)
    for p in shared:
        if p.name not in w.done:
            w.part(p.name, p, 1)
    core = w.order[first:]
    w.put("#elif AIMC_CORE != 0x%s" % digest[:8],
          '#error "another version of %s was implemented above: implement all with one"' % file,
          "#endif", "#endif")
    for h in headers:
        start, code, inner, end = h.implementation
        first = len(w.order)
        w.put("", *h.root.lines[start:code])
        w.put(*version_check(tree, h))
        w.body(h.root, code, inner)
        w.put(*undefine(w.order[first:], "AIMI_"))
        w.put(*h.root.lines[inner:end])
    w.put("", "/* Private macros end here, when every header of this file is implemented. */")
    w.put("#if defined(AIMC_CORE) && " + " && \\\n    ".join(
        "defined(AIMEM_%s_IMPLEMENTED)" % h.upper for h in headers))
    w.put(*undefine(core, "AIMC_"))
    w.put("#endif")


def generate(tree, headers, file, everything=False, strip=False):
    """The text of one file that holds these headers."""
    parts = {p.name: p for h in headers for p in tree.reachable(h) + [h.root]}
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(name.encode() + b"\n" + parts[name].text.encode("utf-8") + b"\n")
    digest = digest.hexdigest()[:16]
    w = Writer(tree)
    if len(headers) == 1 and not everything:
        one_header(tree, w, headers[0])
        title = "%s %s" % (file, tree.version(headers[0])[1])
    else:
        many_headers(tree, w, headers, file, digest)
        title = "%s: %s" % (file, ", ".join(h.name + " " + tree.version(h)[1] for h in headers))
    prefix = "all" if everything else "_".join(h.name for h in headers)
    body = re.sub(r"\baimc_(?=\w)", "aimc_%s_" % prefix, "\n".join(w.out))
    body = re.sub(r"\bAIMC_(?=\w)", "AIMC_%s_" % prefix.upper(), body)
    banner = [title + ", generated from src/ by amalgamate.py: do not edit",
              "SPDX-License-Identifier: " + LICENCE, "parts: sha256 " + digest, ""]
    if strip:
        text = strip_comments(body)
        banner += ["Comments are removed; `amalgamate.py` writes the file with them."]
    else:
        text = body.rstrip("\n") + "\n"
        banner += ["A local patch is fine. What stands between `begin core/x.h` and `end core/x.h`",
                   "is src/core/x.h; names that begin with aimc_%s_ begin with aimc_ there. Bring"
                   % prefix, "what is of use to others into that file: this one is written anew."]
    banner = "/* " + "\n".join(" * " + line for line in banner)[3:] + "\n */\n\n"
    licence = "\n".join(headers[-1].licence).strip("\n")
    return banner.replace(" * \n", " *\n") + text + ("\n" + licence + "\n" if licence else "")


# ---- Reports -------------------------------------------------------------------------------------


def show_list(tree):
    for h in tree.headers:
        parts = [h.root] + tree.reachable(h)
        total = sum(p.kb() for p in parts)
        print("%s %s" % (h.file, tree.version(h)[1]))
        for p in parts:
            print("  %-24s %5d lines %7.1f KB" % (p.name, len(p.lines), p.kb()))
        core = sum(p.kb() for p in parts if p.core and not p.vocabulary)
        print("  %-24s %5d lines %7.1f KB, %.0f%% of it private core\n" %
              ("sum", sum(len(p.lines) for p in parts), total, 100 * core / total))


def object_kb(out, file, options):
    """KB of code and constants of the implementation at -Os, or None without a compiler."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = os.path.join(folder, "t.c"), os.path.join(folder, "t.o")
        with open(source, "w", newline="\n") as f:
            f.write('#define AIMEM_IMPLEMENTATION\n#include "%s"\n' % file)
        try:
            subprocess.run(options + ["-I", out, "-c", source, "-o", made], check=True)
            sizes = subprocess.run(["size", made], check=True, stdout=subprocess.PIPE).stdout
            return int(sizes.split(b"\n")[1].split()[0]) / 1024
        except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
            return None


def readme_rows(tree, files):
    """What does not depend on a compiler: (file, start of the row, end of the row)."""
    for h in tree.headers:
        text = files[h.file]
        yield h.file, "| [%s](%s) | %s | %d | %d |" % (
            h.file, h.file, tree.version(h)[1], text.count("\n"), round(len(text) / 1024)), (
                "| %s | %s |" % (h.job(), h.needs()))


def readme_block(path):
    """(text, start, end) of the table in README.md, or None."""
    try:
        with open(path, encoding="utf-8", newline="") as f:
            text = f.read()
    except OSError:
        return None
    start, end = text.find(MARKS[0]), text.find(MARKS[1])
    return (text, start + len(MARKS[0]), end) if 0 <= start < end else None


def check_readme(tree, files, out):
    path = os.path.join(out, "README.md")
    block = readme_block(path)
    if block is None:
        tree.problems.append((False, "README.md:1: no table of headers; fix: add the lines %s and "
                              "%s, then amalgamate.py --readme" % MARKS))
        return
    text, start, end = block
    rows = [line for line in text[start:end].splitlines() if line.startswith("| [")]
    for file, columns, what in readme_rows(tree, files):
        same = [r for r in rows if r.startswith(columns) and r.endswith(what)]
        if not same or len(rows) != len(tree.headers):
            tree.problems.append((True, "README.md:%d: the row of %s is stale; fix: amalgamate.py "
                                  "--readme" % (text.count("\n", 0, start) + 1, file)))


def write_readme(tree, files, out):
    path = os.path.join(out, "README.md")
    block = readme_block(path)
    if block is None:
        raise Failure("%s: no lines %s and %s; fix: add them" % ((path,) + MARKS))
    text, start, end = block
    rows = ["| header | version | lines | KB | object at -Os, KB | what it is | what it needs |",
            "|---|---|---|---|---|---|---|"]
    for file, columns, what in readme_rows(tree, files):
        kb = object_kb(out, file, os.environ.get("CC", "cc").split() + ["-Os"])
        rows.append("%s %s %s" % (columns, "?" if kb is None else "%.1f" % kb, what))
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text[:start] + "\n" + "\n".join(rows) + "\n" + text[end:])


def why_stale(old, new):
    """Where the first difference stands."""
    inside = []
    for a, b in zip(old.split("\n") + [None] * new.count("\n"), new.split("\n")):
        mark = re.match(r"/\* (begin|end) (\S+) \*/$", b)
        if a != b and "parts: sha256" not in b:
            return "first difference in %s" % (inside[-1] if inside else "the text of the root")
        if mark and mark.group(1) == "begin":
            inside.append(mark.group(2))
        elif mark and inside:
            inside.pop()
    return "only the hash of its parts"


# ---- The command ---------------------------------------------------------------------------------


def read_text(path):
    try:
        with open(path, encoding="utf-8", newline="") as f:
            return f.read()
    except OSError:
        return None


def product_files(tree):
    """Every generated file, by name."""
    files = {h.file: generate(tree, [h], h.file) for h in tree.headers}
    files["aimem.h"] = generate(tree, tree.headers, "aimem.h", everything=True)
    files["aimem.c"] = ("/* aimem.c: every header, implemented; for build systems that want a .c */"
                        "\n#define AIMEM_IMPLEMENTATION\n#include \"aimem.h\"\n")
    return files


def check_files(tree, files, out):
    for name, text in files.items():
        old = read_text(os.path.join(out, name))
        if old == text:
            continue
        why = "missing" if old is None else "stale (%s)" % why_stale(old, text)
        tree.problems.append((True, "%s:1: %s; fix: python3 amalgamate.py" % (name, why)))


def check_sizes(tree, files, strict):
    for h in tree.headers:
        kb, limit = len(files[h.file]) / 1024, LIMIT_KB.get(h.name, LIMIT_KB_OTHERS)
        if kb > limit:
            tree.problems.append((strict, "%s:1: %.0f KB; fix: keep it below %d KB"
                                  % (h.file, kb, limit)))


def write(path, text):
    with open(path, "wb") as f:
        f.write(text.encode("utf-8"))
    print("%-24s %6d lines %7.1f KB" % (os.path.basename(path), text.count("\n"), len(text) / 1024))


def chosen(tree, names):
    for n in names:
        if n not in [h.name for h in tree.headers]:
            raise Failure("no header %s; fix: choose from %s"
                          % (n, " ".join(h.name for h in tree.headers)))
    return [h for h in tree.headers if h.name in names] or tree.headers


def shown_path(path):
    """Relative where that is shorter to read; the path is in messages only."""
    try:
        return min(os.path.relpath(path), path, key=len)
    except ValueError:  # another drive
        return path


def products(tree, a):
    files = product_files(tree)
    lint(tree)
    check_sizes(tree, files, a.check)
    if a.check:
        check_files(tree, files, a.out)
    else:
        for name, text in files.items():  # with lint errors too: the exit code says no
            write(os.path.join(a.out, name), text)
    if a.readme:
        write_readme(tree, files, a.out)
    check_readme(tree, files, a.out)


def command(arguments):
    cli = argparse.ArgumentParser(description="Makes the single-file headers from src/.")
    cli.add_argument("headers", nargs="*", help="with -o: the headers to put into one file")
    cli.add_argument("-o", dest="output", help="one file with these headers (or all)")
    cli.add_argument("--check", action="store_true", help="write nothing; fail when one is stale")
    cli.add_argument("--list", action="store_true", help="the parts of each header")
    cli.add_argument("--strip", action="store_true", help="with -o: without comments")
    cli.add_argument("--readme", action="store_true", help="write the table in README.md")
    cli.add_argument("--src", default=os.path.join(HERE, "src"), help="where the parts are")
    cli.add_argument("--out", default=HERE, help="where the files go")
    a = cli.parse_args(arguments)
    if (a.headers or a.strip) and not a.output:
        cli.error("headers and --strip need -o FILE")
    tree = Tree(shown_path(a.src))
    if a.list:
        show_list(tree)
    elif a.output:
        write(a.output, generate(tree, chosen(tree, a.headers), os.path.basename(a.output),
                                 not a.headers, a.strip))
    else:
        products(tree, a)
    for bad, text in tree.problems:
        print(text if bad else text.replace(": ", ": warning: ", 1), file=sys.stderr)
    errors = any(bad for bad, _ in tree.problems)
    if a.check and not errors:
        print("the generated files are fresh, no lint")
    return 1 if errors else 0


if __name__ == "__main__":
    try:
        sys.exit(command(sys.argv[1:]))
    except Failure as failure:
        print("amalgamate.py: %s" % failure, file=sys.stderr)
        sys.exit(1)
