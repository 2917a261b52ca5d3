# tools/ctext.py: C text as amalgamate.py and tools/lint.py look at it. Not a parser: it knows
# comments, strings, directives and braces, which is enough for sources in the style of this house.

import re

TOKEN = re.compile(r"(/\*.*?\*/|//[^\n]*)|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)((?:\\\n|[^\n])*)", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"')


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def mask(text, strings):
    """The text with comments (and the inside of strings) as spaces; every place stays the same."""

    def one(m):
        if m.group(1) is not None:
            return blank(m.group(1))
        s = m.group(2)
        return s[0] + blank(s[1:-1]) + s[-1] if strings else s

    return TOKEN.sub(one, text)


def strip_comments(text):
    text = TOKEN.sub(lambda m: " " if m.group(1) is not None else m.group(2), text)
    lines = [line.rstrip() for line in text.split("\n")]
    return "\n".join(line for line in lines if line) + "\n"


def directives(code):
    """(line number, name, rest with continuation lines joined) of each directive."""
    for m in DIRECTIVE.finditer(code):
        rest = m.group(2).replace("\\\n", " ").strip()
        yield code.count("\n", 0, m.start()) + 1, m.group(1), rest


def match_endif(code_lines, start):
    """The index of the #endif that belongs to the #if in line start, or None."""
    depth = 0
    for i in range(start, len(code_lines)):
        word = re.match(r"\s*#\s*(if|ifdef|ifndef|endif)\b", code_lines[i])
        if word:
            depth += -1 if word.group(1) == "endif" else 1
            if depth == 0:
                return i
    return None


def top_level(bare):
    """(first line, last line, head, whole text, is function) of each item of a file."""
    scan = re.compile(r"^[ \t]*#[ \t]*(\w*)(?:\\\n|[^\n])*|[{};]", re.M)
    text = DIRECTIVE.sub(lambda m: blank(m.group(0)), bare)
    depth, start, head_end, function, saved = 0, 0, None, False, []
    for m in scan.finditer(bare):
        token = m.group(0)
        if m.group(1) is not None:  # the branches of an #if begin at the same depth
            if m.group(1) in ("if", "ifdef", "ifndef"):
                saved.append(depth)
            elif m.group(1) in ("else", "elif") and saved:
                depth = saved[-1]
            elif m.group(1) == "endif" and saved:
                saved.pop()
            continue
        if token == "{":
            head = text[start : m.start()].rstrip()
            if depth == 0 and re.search(r'\bextern\s*"\s*"$', head):
                start = m.end()  # extern "C" {: what is inside is top level too
                continue
            if depth == 0 and head_end is None:
                head_end, function = m.start(), head.endswith(")")
            depth += 1
            continue
        if token == "}":
            if depth == 0:
                start = m.end()  # the end of extern "C"
                continue
            depth -= 1
        if depth == 0 and (token == ";" or function):
            whole = text[start : m.end()]
            head = text[start : m.start() if head_end is None else head_end]
            first = start + len(whole) - len(whole.lstrip())
            yield (bare.count("\n", 0, first) + 1, bare.count("\n", 0, m.end()) + 1, head.strip(),
                   whole, function)
            start, head_end, function = m.end(), None, False


def function_name(head):
    """The name of the function whose parameter list ends the head."""
    depth = 0
    for i in range(len(head) - 1, -1, -1):
        depth += (head[i] == ")") - (head[i] == "(")
        if head[i] == "(" and depth == 0:
            word = re.search(r"(\w+)\s*$", head[:i])
            return word.group(1) if word else ""
    return ""


def names_of(head, whole, function):
    """The names that an item of a file puts into the user's file."""
    names = []
    if function:
        names.append(function_name(head))
    elif head.startswith("typedef"):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", head)
        last = re.search(r"(\w+)\s*(?:\[[^]]*\]\s*)*;\s*$", whole)
        names += [m.group(1) for m in (pointer or last,) if m]
    elif not head.startswith("extern"):
        word = re.search(r"(\w+)\s*$", re.split(r"[=\[({;]", head, maxsplit=1)[0])
        names += [word.group(1)] if word else []
    names += re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", whole)
    for body in re.findall(r"\benum\b\s*\w*\s*\{([^}]*)\}", whole):
        names += re.findall(r"(?:^|,)\s*(\w+)", body)
    return [n for n in names if n not in ("", "enum", "struct", "union", "const", "int")]
