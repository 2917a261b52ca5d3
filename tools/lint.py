# tools/lint.py: the rules of the sources, for amalgamate.py. Each message says what is wrong and
# how to fix it. tree, p (a part) and h (a header) are objects of amalgamate.py; tree.error and
# tree.warning collect what is found.

import re

from ctext import (DIRECTIVE, TOKEN, directives, function_name, match_endif, names_of,
                   top_level)

MAX_COLUMNS = 100
MAX_FUNCTION = 100  # lines
MAX_PART = 700  # lines
MAX_LITERAL = 4095  # characters: what C11 promises

CONDITIONS = ("if", "ifdef", "ifndef", "elif")
# Macros of the system that a core part may define before it includes a system header.
SYSTEM_MACROS = {"WIN32_LEAN_AND_MEAN", "NOMINMAX", "_GNU_SOURCE"}
# AIMEM_ macros that are not options: vocabulary, guards, versions.
NOT_AN_OPTION = re.compile(
    r"AIMEM_(TYPE_|ERR_)|.*(_H|_IMPLEMENTED|_IMPLEMENTATION|_API|_INLINE)$|.*_VERSION")


def lint_text(tree, p):
    """Bytes, columns, literals, reserved names."""
    if not p.raw.endswith(b"\n"):
        tree.error(p, len(p.lines), "no newline at the end", "add it")
    for i, line in enumerate(p.raw.decode("utf-8", "replace").split("\n"), 1):
        if "\t" in line:
            tree.error(p, i, "tab", "use four spaces")
        if "\r" in line:
            tree.error(p, i, "carriage return", "save the file with LF line ends")
        if re.search(r"[^\x00-\x7f]", line):
            tree.error(p, i, "not ASCII", "write it in ASCII (\\x escapes in strings)")
        if len(line.rstrip("\r")) > MAX_COLUMNS:
            tree.error(p, i, "%d columns" % len(line), "break the line at %d" % MAX_COLUMNS)
    for m in TOKEN.finditer(p.text):
        if m.group(0).startswith("//"):
            tree.error(p, p.text.count("\n", 0, m.start()) + 1, "// comment", "write /* */")
    for m in re.finditer(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*', p.code):
        size = sum(len(re.sub(r"\\.", "x", s)) - 2
                   for s in re.findall(r'"(?:\\.|[^"\\\n])*"', m.group(0)))
        if size > MAX_LITERAL:
            tree.error(p, p.code.count("\n", 0, m.start()) + 1, "string of %d characters" % size,
                       "make it an array of bytes (C11 promises %d)" % MAX_LITERAL)
    for m in re.finditer(r"[\w*][ ]+\**((?:__|_[A-Z])\w*)[ ]*(?:=[^=]|[;,\[])", p.bare):
        if not re.match(r"\s*#", p.bare[p.bare.rfind("\n", 0, m.start()) + 1 :]):
            tree.error(p, p.bare.count("\n", 0, m.start()) + 1, "reserved name %s" % m.group(1),
                       "no leading underscore")


def lint_names(tree, p):
    """Private names carry their prefix, so that nothing collides in the user's file."""
    folder = p.name.split("/")[0]
    private = ("aimc_", "AIMC_") if p.core else ("aimi_%s_" % folder, "AIMI_%s_" % folder.upper())
    allowed = private
    if p.vocabulary:
        allowed = ("aimem_", "AIMEM_")
    elif not p.core:
        allowed = private + ("aimem_", "AIMEM_")
    fix = "begin it with " + " or ".join(allowed[:2])
    for line, word, rest in directives(p.code):
        name = re.match(r"\w*", rest).group(0)
        if word != "define" or (p.core and name in SYSTEM_MACROS):
            continue
        if re.match(r"__|_[A-Z]", name):
            tree.error(p, line, "reserved name %s" % name, "no leading underscore")
        elif not name.startswith(allowed):
            tree.error(p, line, "macro %s has no prefix" % name, fix)
    for first, last, head, whole, function in top_level(p.bare):
        prototype = re.match(r"[^=({]*\(", head) and not function and not head.startswith("typedef")
        for name in [] if p.core and prototype else names_of(head, whole, function):
            if not name.startswith(allowed):
                tree.error(p, first, "%s has no prefix" % name, fix)
        lines = last - first + 1
        if function and lines > MAX_FUNCTION and "100 lines" not in comment_above(p, first):
            tree.error(p, first, "%s has %d lines" % (function_name(head), lines),
                       "split it (or say in the comment above why it has over 100 lines)")
    owners = "|".join(tree.names + ["all"])
    for pattern, what, why in (
        (r"\baimc_(?:%s)_\w*|\bAIMC_(?:%s)_\w*|\bAIMC_CORE\b" % (owners, owners.upper()),
         "core name %s", "choose another: the renamed core of some header has such names"),
        (r"\baimc_\w*|\bAIM[CI]_\w*" if p.api or p.vocabulary else r"(?!)",
         "private name %s in public declarations", "private names end with the implementation"),
    ):
        for m in re.finditer(pattern, p.bare):
            tree.error(p, p.bare.count("\n", 0, m.start()) + 1, what % m.group(0), why)


def comment_above(p, line):
    """The comment that ends on the line before this one, or nothing."""
    end = sum(len(text) + 1 for text in p.lines[: line - 1]) - 1
    for m in TOKEN.finditer(p.text):
        if m.group(1) is not None and m.end() == end:
            return m.group(1)
    return ""


def lint_part(tree, p):
    """Rules about the part as a whole."""
    if not p.guard and not p.vocabulary and not p.api:
        macro = ("AIMC_%s_H" if p.core else "AIMI_%s_H") % re.sub(
            r"\W", "_", p.name[5 if p.core else 0 : -2]).upper()
        tree.error(p, 1, "no include guard around the part",
                   "#ifndef %s, #define %s first, #endif last" % (macro, macro))
    if len(p.lines) > MAX_PART:
        tree.warning(p, 1, "%d lines" % len(p.lines), "one part, one job: cut it in two")
    for line, word, rest in directives(p.code):
        owner = rest[1:].split("/")[0] if word == "include" and rest.startswith('"') else "core"
        if owner not in ("core", p.name.split("/")[0]):
            tree.error(p, line, "%s uses %s" % (p.name, rest), "share code through src/core")
    if p.api or p.vocabulary:
        for i, line in enumerate(p.code_lines, 1):
            name = re.match(r"(?:AIMEM_\w+_API|AIMEM_(?:\w+_)?INLINE)\b.*?\b(aimem_\w+)\(", line)
            if name and not comment_above(p, i):
                tree.error(p, i, "public function %s has no comment" % name.group(1),
                           "say directly above what it does, who owns what, errors, threads, cost")


def lint_platform(tree, p):
    """Only the core asks for a compiler or a system; and public macros, which cannot use it."""
    opened = []  # the lines of the #if that are open
    for line, word, rest in directives(p.code):
        if word in ("if", "ifdef", "ifndef"):
            opened.append(line - 1)
        asks = re.findall(r"\b(?:__\w+|_[A-Z]\w+)", rest) if word in CONDITIONS else []
        asks = [a for a in asks if a != "__cplusplus"]
        if asks and not p.core:
            block = "\n".join(p.code_lines[opened[-1] : match_endif(p.code_lines, opened[-1])])
            if not p.api or DIRECTIVE.sub("", block).strip():
                tree.error(p, line, "test for a compiler or system (%s)" % asks[0],
                           "ask in core/platform.h, and test its AIMC_ macro here")
        if word == "endif" and opened:
            opened.pop()


def lint_options(tree, h):
    """The options that the documentation lists are those that the code tests."""
    section, listed = False, {}
    for i, line in enumerate(h.doc, 1):
        heading = re.match(r"[\s*=/-]*(?:\d+[.)]?\s*)?([A-Z][A-Z ,]{3,})\b[\s:=-]*", line)
        if heading and heading.end() == len(line):
            section = heading.group(1).strip() == "OPTIONS"
        if section:
            for name in re.findall(r"\bAIMEM_[A-Z0-9_]+\b", line):
                listed.setdefault(name, i)
    if not listed:
        tree.error(h.root, 1, "no section OPTIONS in the documentation",
                   "a line `OPTIONS`, then each macro with meaning, default and place")
    parts = tree.reachable(h)
    defined = {rest.split("(")[0].split()[0] for p in parts if p.vocabulary
               for _, word, rest in directives(p.code) if word == "define" and rest}
    defined |= {m.group(1) for p in parts for m in re.finditer(r"#define (AIMEM_\w+)\(", p.code)}
    tested, known = {}, " ".join(p.code for p in parts + [h.root])
    for p in parts:
        for line, word, rest in directives(p.code):
            if word in CONDITIONS:
                for name in re.findall(r"\bAIMEM_\w+", rest):
                    tested.setdefault(name, (p, line))
    for name in sorted(set(tested) - set(listed) - defined):
        if not NOT_AN_OPTION.match(name):
            tree.error(*tested[name], what="option %s is not in the documentation" % name,
                       fix="list it under OPTIONS in %s" % h.root.path)
    for name in sorted(listed):
        if not NOT_AN_OPTION.match(name) and not re.search(r"\b%s\b" % name, known):
            tree.error(h.root, listed[name], "option %s is used nowhere" % name,
                       "take it out of OPTIONS, or use it")


def lint(tree):
    used = {p.name for h in tree.headers for p in tree.reachable(h)}
    for name in sorted(tree.parts):
        p = tree.parts[name]
        lint_text(tree, p)
        lint_names(tree, p)
        lint_part(tree, p)
        lint_platform(tree, p)
        if name not in used:
            tree.warning(p, 1, "no header includes this part", "include it, or remove the file")
    for h in tree.headers:
        lint_text(tree, h.root)
        lint_platform(tree, h.root)
        lint_options(tree, h)
        stated = re.search(r"(?<![\d.])\d+\.\d+\.\d+\b", h.doc[0] if h.doc else "")
        if not stated or stated.group(0) != tree.version(h)[1]:
            tree.error(h.root, 1, "the first line does not say version %s" % tree.version(h)[1],
                       "write `%s - what it is - v%s`" % (h.file, tree.version(h)[1]))
        if not h.needs():
            tree.warning(h.root, 1, "no line `Needs: ...` in the documentation",
                         "add it: what to link with, what the system must have (for README.md)")
        if h.licence != tree.headers[0].licence:
            tree.error(h.root, h.implementation[3] + 1, "licence text differs from that of %s"
                       % tree.headers[0].file, "copy it from there")
