#!/usr/bin/env python3
# tests/amalgamate_test.py: amalgamate.py on small trees of sources made here. Each rule fires on a
# tree that breaks it, and says its fix; what is generated is right, compiles and stays the same.

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "amalgamate.py")
CC = os.environ.get("CC", "cc").split()
HAVE_CC = shutil.which(CC[0]) is not None

TYPES = """/* core/types.h: vocabulary. */
#include <stdint.h>
#ifndef AIMEM_TYPE_RESULT_1
#define AIMEM_TYPE_RESULT_1
typedef int32_t aimem_result;
#endif
#ifndef AIMEM_OK
#define AIMEM_OK 0
#endif
"""
PLATFORM = """/* core/platform.h: AIMC_ and aimc_ are private. */
#ifndef AIMC_PLATFORM_H
#define AIMC_PLATFORM_H

#include <string.h>

#if defined(__GNUC__)
#define AIMC_FN static __attribute__((unused))
#else
#define AIMC_FN static
#endif

#endif
"""
MATHS = """/* core/maths.h: sums. */
#ifndef AIMC_MATHS_H
#define AIMC_MATHS_H

#include "core/platform.h"
#include <string.h>

/* A sum; aimc_sum is private. */
AIMC_FN int aimc_sum(int a, int b) {
    return a + b;
}

#endif
"""
ROOT = """/* aimem_pool.h: small things, 0.1.0, Unlicense OR MIT-0
 *
 *   #include "aimem_pool.h"
 *
 * OPTIONS
 *   AIMEM_STATIC   static functions
 *   AIMEM_POOL_BIG  more
 *
 * ERRORS
 *   none
 *
 * Needs: a C library
 */
#ifndef AIMEM_POOL_H
#define AIMEM_POOL_H
#include "core/types.h"
#include "pool/api.h"
#endif

#if defined(AIMEM_IMPLEMENTATION) || defined(AIMEM_POOL_IMPLEMENTATION)
#ifndef AIMEM_POOL_IMPLEMENTED
#define AIMEM_POOL_IMPLEMENTED
#include "core/maths.h"
#include "pool/code.h"
#endif
#endif

/* Licence: free. */
"""
API = """/* pool/api.h: declarations. */

#ifndef AIMEM_POOL_API
#if defined(AIMEM_STATIC)
#define AIMEM_POOL_API static
#elif defined(_WIN32)
#define AIMEM_POOL_API extern
#else
#define AIMEM_POOL_API extern
#endif
#endif

#define AIMEM_POOL_VERSION_MAJOR 0
#define AIMEM_POOL_VERSION_MINOR 1
#define AIMEM_POOL_VERSION_PATCH 0
#define AIMEM_POOL_VERSION 100 /* major * 10000 + minor * 100 + patch */

#ifdef __cplusplus
extern "C" {
#endif

/* The version. */
AIMEM_POOL_API uint32_t aimem_pool_version(void);

#ifdef __cplusplus
}
#endif
"""
CODE = """/* pool/code.h: the code. */
#ifndef AIMI_POOL_CODE_H
#define AIMI_POOL_CODE_H

#include "core/maths.h"

#ifdef AIMEM_POOL_BIG
#define AIMI_POOL_EXTRA 1
#else
#define AIMI_POOL_EXTRA 0
#endif

typedef struct aimi_pool_pair {
    int a, b;
} aimi_pool_pair;

enum { AIMI_POOL_ONE = 1 };

static const char aimi_pool_text[] = "// not a comment /* neither */ aimc_sum";

static uint32_t aimi_pool_number(void) {
    aimi_pool_pair p = {AIMEM_POOL_VERSION, AIMI_POOL_EXTRA};
    return (uint32_t)aimc_sum(p.a, p.b + (int)strlen(aimi_pool_text) * 0);
}

AIMEM_POOL_API uint32_t aimem_pool_version(void) {
    return aimi_pool_number() - AIMI_POOL_EXTRA; /* what was added */
}

#endif
"""


def as_vec(text):
    return text.replace("pool", "vec").replace("POOL", "VEC")


def tree():
    return {
        "core/types.h": TYPES, "core/platform.h": PLATFORM, "core/maths.h": MATHS,
        "aimem_pool.h": ROOT, "pool/api.h": API, "pool/code.h": CODE,
        "aimem_vec.h": as_vec(ROOT), "vec/api.h": as_vec(API), "vec/code.h": as_vec(CODE),
    }


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, *name.split("/"))

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode("utf-8"))

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read().decode("utf-8")

    def plant(self):
        files = tree()
        for name, text in files.items():
            self.write("src/" + name, text)
        return files

    def run_script(self, *arguments):
        command = [sys.executable, SCRIPT, "--src", "src", "--out", "."] + list(arguments)
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode("utf-8")

    def good(self, *arguments):
        code, text = self.run_script(*arguments)
        self.assertEqual(code, 0, text)
        return text

    def compile(self, source, *flags):
        self.write("t.c", source)
        done = subprocess.run(CC + ["-std=c11", "-I.", "-o", "t"] + list(flags) + ["t.c"],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout.decode("utf-8", "replace"))
        return subprocess.run([self.path("t")]).returncode


class Generates(Case):
    def setUp(self):
        Case.setUp(self)
        self.plant()

    def test_the_tree_is_clean(self):
        self.good()
        self.assertIn("fresh", self.good("--check"))

    def test_parts_are_expanded_once(self):
        self.good()
        for name in ("aimem_pool.h", "aimem_vec.h", "aimem.h"):
            text = self.read(name)
            self.assertNotRegex(text, r'(?m)^#include "')
            for part in set(re.findall(r"/\* begin (\S+) \*/", text)):
                self.assertEqual(text.count("/* begin %s */" % part), 1, part)
                self.assertEqual(text.count("/* end %s */" % part), 1, part)
        self.assertEqual(self.read("aimem.h").count("/* begin core/maths.h */"), 1)

    def test_system_includes_stay_also_repeated(self):
        self.good()
        self.assertEqual(self.read("aimem_pool.h").count("#include <string.h>"), 2)

    def test_includes_in_comments_stay(self):
        self.good()
        self.assertIn(' *   #include "aimem_pool.h"', self.read("aimem_pool.h"))

    def test_core_names_are_renamed(self):
        self.good()
        for name, prefix in (("aimem_pool.h", "pool"), ("aimem_vec.h", "vec"), ("aimem.h", "all")):
            text = self.read(name)
            body = text[text.index("begin core/types.h"):]
            self.assertNotRegex(body, r"\baimc_(?!%s_)\w" % prefix)
            self.assertNotRegex(body, r"\bAIMC_(?!%s_)\w" % prefix.upper())
            self.assertIn("aimc_%s_sum(int a" % prefix, body)
            self.assertIn("aimc_%s_sum is private" % prefix, body)  # in comments too
            self.assertIn("AIMC_ and aimc_ are private", body)  # no name, only the prefix
        self.assertIn("aimi_pool_number", self.read("aimem_pool.h"))

    def test_vocabulary_is_verbatim(self):
        self.good()
        for name in ("aimem_pool.h", "aimem_vec.h", "aimem.h"):
            self.assertIn(TYPES, self.read(name))

    def test_private_macros_are_undefined(self):
        self.good()
        for name in ("aimem_pool.h", "aimem.h"):
            text = self.read(name)
            for macro in set(re.findall(r"(?m)^#define (AIM[CI]_\w+)", text)):
                if not macro.endswith("_CORE"):
                    self.assertEqual(text.count("#undef " + macro + "\n"), 1, macro)
        names = re.findall(r"#undef (AIMC\w+)", self.read("aimem_pool.h"))
        self.assertEqual(names, sorted(names))
        self.assertNotRegex(self.read("aimem.h"), r"#undef AIMEM_")

    def test_banner(self):
        self.good()
        text = self.read("aimem_pool.h")
        self.assertTrue(text.startswith("/* aimem_pool.h 0.1.0, generated from src/"), text[:80])
        self.assertIn("SPDX-License-Identifier: Unlicense OR MIT-0", text[:400])
        self.assertRegex(text[:400], r"parts: sha256 [0-9a-f]{16}\n")
        self.assertTrue(text.endswith("/* Licence: free. */\n"))

    def test_same_input_same_bytes(self):
        self.good()
        names = ("aimem_pool.h", "aimem_vec.h", "aimem.h", "aimem.c")
        first = [self.read(n) for n in names]
        other = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, other)
        shutil.copytree(self.path("src"), os.path.join(other, "else"))
        command = [sys.executable, SCRIPT, "--src", os.path.join(other, "else"), "--out", other]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, PYTHONHASHSEED="7", LC_ALL="C", TZ="Asia/Tokyo"))
        for name, text in zip(names, first):
            with open(os.path.join(other, name), "rb") as f:
                self.assertEqual(f.read().decode("utf-8"), text, name)
            self.assertNotIn("\r", text)

    def test_the_hash_is_that_of_the_parts(self):
        self.good()
        before = {n: re.search(r"sha256 (\w+)", self.read(n)).group(1)
                  for n in ("aimem_pool.h", "aimem_vec.h", "aimem.h")}
        self.write("src/pool/code.h", CODE.replace("what was added", "it was added"))
        self.good()
        after = {n: re.search(r"sha256 (\w+)", self.read(n)).group(1) for n in before}
        self.assertNotEqual(before["aimem_pool.h"], after["aimem_pool.h"])
        self.assertEqual(before["aimem_vec.h"], after["aimem_vec.h"])
        self.assertNotEqual(before["aimem.h"], after["aimem.h"])

    def test_subset(self):
        self.good("vec", "pool", "-o", "my.h")
        text = self.read("my.h")
        self.assertIn("aimc_pool_vec_sum", text)  # the order of the house, not of the command
        self.assertIn("#define AIMC_POOL_VEC_CORE 0x", text)
        self.assertFalse(os.path.exists(self.path("aimem.h")))
        self.good("vec", "-o", "my.h")
        self.assertIn("aimc_vec_sum", self.read("my.h"))
        self.assertNotIn("pool", self.read("my.h").lower().replace("aimem_pool", ""))
        self.write("src/core/maths.h", MATHS.replace("#endif", "#ifdef X\n#include \"core/x.h\"\n"
                                                     "#endif\n#include \"core/x.h\"\n#endif"))
        self.write("src/core/x.h", "#ifndef AIMC_X_H\n#define AIMC_X_H\n#endif\n")
        code, text = self.run_script("vec", "-o", "my.h")
        self.assertEqual(code, 1)
        self.assertIn("core/x.h was first included under the #if", text)
        code, text = self.run_script("gpu", "-o", "my.h")
        self.assertEqual(code, 1)
        self.assertIn("fix: choose from pool vec", text)

    def test_a_part_after_code_stays_in_place(self):
        self.write("src/core/maths.h", MATHS.replace("/* A sum", '#define AIMC_STEP 1\n\n#include '
                                                     '"core/step.h"\n\n/* A sum'))
        self.write("src/core/step.h", "#ifndef AIMC_STEP_H\n#define AIMC_STEP_H\n"
                   "AIMC_FN int aimc_step(void) {\n    return AIMC_STEP;\n}\n#endif\n")
        self.good()
        text = self.read("aimem_pool.h")
        places = [text.index(s) for s in ("#define AIMC_POOL_STEP 1", "/* begin core/step.h */",
                                          "/* end core/step.h */", "int aimc_pool_sum(")]
        self.assertEqual(places, sorted(places))

    def test_list(self):
        text = self.good("--list")
        names = re.findall(r"^  (\S+\.h) ", text.split("aimem_vec.h")[0], re.M)
        self.assertEqual(names, ["aimem_pool.h", "core/types.h", "pool/api.h", "core/platform.h",
                                 "core/maths.h", "pool/code.h"])
        self.assertRegex(text, r"\d+% of it private core")

    @unittest.skipUnless(HAVE_CC, "there is no C compiler")
    def test_it_compiles_and_runs(self):
        self.good()
        call = "int main(void) { return (int)aimem_pool_version() - 100; }\n"
        self.assertEqual(self.compile('#define AIMEM_IMPLEMENTATION\n#include "aimem_pool.h"\n'
                                      '#include "aimem_vec.h"\n#include "aimem.h"\n' + call), 0)

    @unittest.skipUnless(HAVE_CC, "there is no C compiler")
    def test_roots_work_as_they_are(self):
        self.assertEqual(self.compile(
            '#define AIMEM_IMPLEMENTATION\n#include "aimem_pool.h"\n#include "aimem_vec.h"\n'
            "int main(void) { return (int)aimem_pool_version() - 100; }\n", "-Isrc"), 0)

    @unittest.skipUnless(HAVE_CC, "there is no C compiler")
    def test_strip(self):
        self.good("--strip", "pool", "vec", "-o", "small.h")
        text = self.read("small.h")
        self.assertIn("SPDX-License-Identifier", text)
        self.assertTrue(text.endswith("/* Licence: free. */\n"))
        self.assertIn('"// not a comment /* neither */ aimc_pool_vec_sum"', text)
        body = text[text.index("*/") + 2 : -len("/* Licence: free. */\n")]
        self.assertNotIn("/*", re.sub(r'"(\\.|[^"\\])*"', "", body))
        self.assertNotIn("\n\n\n", text)
        self.assertEqual(self.compile(
            '#define AIMEM_IMPLEMENTATION\n#include "small.h"\n'
            "int main(void) { return (int)aimem_vec_version() - 100; }\n"), 0)

    def test_strip_needs_a_name(self):
        code, text = self.run_script("--strip")
        self.assertEqual(code, 2)
        self.assertIn("-o FILE", text)


class Check(Case):
    def setUp(self):
        Case.setUp(self)
        self.plant()
        self.good()

    def fails(self, *texts):
        code, out = self.run_script("--check")
        self.assertEqual(code, 1, out)
        for text in texts:
            self.assertIn(text, out)
        return out

    def test_a_changed_part(self):
        self.write("src/core/maths.h", MATHS.replace("a + b", "b + a"))
        out = self.fails("aimem_pool.h:1: stale (first difference in core/maths.h)",
                         "aimem.h:1: stale", "fix: python3 amalgamate.py")
        self.assertNotIn("aimem.c", out)
        self.good()
        self.good("--check")

    def test_a_changed_file(self):
        self.write("aimem_vec.h", self.read("aimem_vec.h").replace("what was added", "it was"))
        out = self.fails("aimem_vec.h:1: stale (first difference in vec/code.h)")
        self.assertNotIn("aimem.h:1", out)

    def test_a_longer_file(self):
        self.write("aimem_vec.h", self.read("aimem_vec.h") + "int more;\n")
        self.fails("aimem_vec.h:1: stale (first difference in the text of the root)")

    def test_a_missing_file(self):
        os.remove(self.path("aimem.c"))
        self.fails("aimem.c:1: missing; fix: python3 amalgamate.py")

    def test_check_writes_nothing(self):
        self.write("aimem_vec.h", "old\n")
        self.fails("aimem_vec.h:1: stale")
        self.assertEqual(self.read("aimem_vec.h"), "old\n")

    def test_readme(self):
        self.assertIn("README.md:1: warning: no table of headers", self.good("--check"))
        self.write("README.md", "# x\n\n<!-- headers:begin -->\n<!-- headers:end -->\nend\n")
        self.fails("README.md:3: the row of aimem_pool.h is stale; fix: amalgamate.py --readme")
        self.good("--readme")
        text = self.read("README.md")
        self.assertRegex(text, r"\| \[aimem_pool.h\]\(aimem_pool.h\) \| 0\.1\.0 \| \d+ \| \d+ \| "
                               r"(\?|\d+\.\d) \| small things \| a C library \|\n")
        self.assertTrue(text.startswith("# x\n") and text.endswith("end\n"))
        self.good("--check")
        self.write("README.md", text.replace("0.1.0", "0.0.9"))
        self.fails("the row of aimem_pool.h is stale", "the row of aimem_vec.h is stale")
        self.write("README.md", text.replace("<!-- headers:end", "| [old.h] |\n<!-- headers:end"))
        self.fails("the row of aimem_pool.h is stale")

    def test_too_large(self):
        table = "static const int aimi_pool_%d[] = {" + "1, " * 20 + "1};\n"
        more = "".join(table % i for i in range(9000))
        self.write("src/pool/code.h", CODE.replace("typedef struct", more + "typedef struct", 1))
        code, out = self.run_script()
        self.assertEqual(code, 0, out)
        self.assertRegex(out, r"aimem_pool.h:1: warning: \d+ KB; fix: keep it below 750 KB")
        self.fails("fix: keep it below 750 KB")


# What is wrong, in which file (old text, new text), and what the message says.
CODE_C = "pool/code.h"
LINTS = [
    ("tab", CODE_C, "    int a, b;", "\tint a, b;", "code.h:14: tab; fix: use four spaces"),
    ("cr", CODE_C, "int a, b;\n", "int a, b;\r\n", "code.h:14: carriage return; fix: save"),
    ("ascii", CODE_C, "the code", "the c\u00f6de", "code.h:1: not ASCII; fix: write it in ASCII"),
    ("columns", CODE_C, "the code", "x" * 90, "columns; fix: break the line at 100"),
    ("slashes", CODE_C, "/* what was added */", "// it was", "// comment; fix: write /* */"),
    ("newline", CODE_C, "#endif\n$", "#endif", "no newline at the end; fix: add it"),
    ("guard", CODE_C, "#ifndef AIMI_POOL_CODE_H\n#define AIMI_POOL_CODE_H", "\n",
     "code.h:1: no include guard around the part; fix: #ifndef AIMI_POOL_CODE_H"),
    ("core guard", "core/maths.h", "#define AIMC_MATHS_H", "#define AIMC_OTHER_H",
     "maths.h:1: no include guard around the part; fix: #ifndef AIMC_MATHS_H"),
    ("macro", CODE_C, "/* pool/code.h", "#define EXTRA 1\n/* pool/code.h",
     "code.h:1: macro EXTRA has no prefix; fix: begin it with aimi_pool_ or AIMI_POOL_"),
    ("function", CODE_C, "aimi_pool_number(void) {", "number(void) {",
     "code.h:21: number has no prefix; fix: begin it with aimi_pool_"),
    ("core function", "core/maths.h", "int aimc_sum(", "int sum(", "maths.h:9: sum has no prefix"),
    ("foreign", CODE_C, "static uint32_t aimi_pool_number", "static uint32_t aimi_vec_number",
     "aimi_vec_number has no prefix"),
    ("variable", CODE_C, "const char aimi_pool_text", "const char text", "text has no prefix"),
    ("type", CODE_C, "} aimi_pool_pair;", "} pair;", "pair has no prefix"),
    ("tag", CODE_C, "struct aimi_pool_pair", "struct pair", "pair has no prefix"),
    ("enum", CODE_C, "AIMI_POOL_ONE", "ONE", "ONE has no prefix"),
    ("function pointer", CODE_C, "enum {", "typedef int (*callback)(int a);\n\nenum {",
     "callback has no prefix"),
    ("public type", "pool/api.h", "/* The version", "typedef int number;\n\n/* The version",
     "number has no prefix"),
    ("comment", "pool/api.h", "/* The version. */\n", "", "public function aimem_pool_version has "
     "no comment; fix: say directly above"),
    ("comment away", "pool/api.h", "/* The version. */\n", "/* The version. */\n\n",
     "public function aimem_pool_version has no comment"),
    ("reserved macro", CODE_C, "enum {", "#define __EXTRA 1\nenum {",
     "reserved name __EXTRA; fix: no leading underscore"),
    ("reserved", CODE_C, "int a, b;", "int a, b; int _Big;", "reserved name _Big; fix: no leading"),
    ("reserved local", CODE_C, "    aimi_pool_pair p", "    int __x = 1;\n    aimi_pool_pair p",
     "code.h:22: reserved name __x"),
    ("literal", CODE_C, '"// not', "\n".join(['"' + "y" * 80 + '"'] * 52) + '"// not',
     "fix: make it an array of bytes (C11 promises 4095)"),
    ("unlisted", CODE_C, "#ifdef AIMEM_POOL_BIG", "#ifdef AIMEM_POOL_HUGE",
     "code.h:7: option AIMEM_POOL_HUGE is not in the documentation; fix: list it under OPTIONS"),
    ("unused", CODE_C, "#ifdef AIMEM_POOL_BIG", "#if 1",
     "aimem_pool.h:7: option AIMEM_POOL_BIG is used nowhere; fix: take it out"),
    ("no options", "aimem_pool.h", "OPTIONS", "CHOICE", "no section OPTIONS"),
    ("system", CODE_C, "#ifdef AIMEM_POOL_BIG", "#if defined(AIMEM_POOL_BIG) && defined(_WIN32)",
     "test for a compiler or system (_WIN32); fix: ask in core/platform.h"),
    ("system in api", "pool/api.h", "/* The version",
     "#ifdef __linux__\nint aimem_x;\n#endif\n/* The version",
     "test for a compiler or system (__linux__)"),
    ("system in root", "aimem_pool.h", '#include "core/maths.h"',
     '#if defined(_MSC_VER)\n#endif\n#include "core/maths.h"',
     "aimem_pool.h:23: test for a compiler"),
    ("long function", CODE_C, "    aimi_pool_pair p", "    ;\n" * 100 + "    aimi_pool_pair p",
     "code.h:21: aimi_pool_number has 104 lines; fix: split it"),
    ("private in api", "pool/api.h", "/* The version",
     "#define AIMEM_POOL_X AIMC_FN\n/* The version", "private name AIMC_FN in public declarations"),
    ("core name", "core/maths.h", "#endif\n$",
     "AIMC_FN int aimc_vec_x(void) {\n    return 1;\n}\n#endif\n",
     "core name aimc_vec_x; fix: choose another"),
    ("version", "pool/api.h", "VERSION 100", "VERSION 101",
     "AIMEM_POOL_VERSION is 101; fix: make it 100"),
    ("title", "aimem_pool.h", "0.1.0", "0.2.0",
     "aimem_pool.h:1: the first line does not say version 0.1.0"),
    ("licence", "aimem_vec.h", "Licence: free", "Licence: other",
     "licence text differs from that of aimem_pool.h; fix: copy it"),
    ("other header", CODE_C, '#include "core/maths.h"', '#include "vec/code.h"',
     'pool/code.h uses "vec/code.h"; fix: share code through src/core'),
    ("missing part", CODE_C, '#include "core/maths.h"', '#include "core/none.h"',
     'code.h:5: no part "core/none.h" in src; fix: write it'),
    ("no version", "pool/api.h", "VERSION_PATCH 0", "VERSION_PATCH x", "fix: add it"),
    ("no root guard", "aimem_pool.h", "#define AIMEM_POOL_H", "#define AIMEM_H",
     "fix: give the root"),
    ("conditional", "core/maths.h", '#include "core/platform.h"', '#ifdef AIMEM_STATIC\n#include '
     '"core/platform.h"\n#endif', None),
]
WARNINGS = [
    ("long part", CODE_C, "enum {", "\n" * 700 + "enum {", "one part, one job"),
    ("needs", "aimem_pool.h", "Needs:", "It has", "aimem_pool.h:1: warning: no line `Needs: ...`"),
    ("orphan", "core/alone.h", None, "#ifndef AIMC_ALONE_H\n#define AIMC_ALONE_H\n#endif\n",
     "src/core/alone.h:1: warning: no header includes this part; fix: include it, or remove"),
]
FINE = [
    ("long with a reason", CODE_C, "static uint32_t aimi_pool_number(void) {", "/* Over 100 lines: "
     "a table. */\nstatic uint32_t aimi_pool_number(void) {" + "\n    ;" * 101),
    ("branches", CODE_C, "    return (uint32_t)aimc_sum(",
     "#ifdef AIMEM_POOL_BIG\n    if (p.a) {\n#else\n    if (p.b) {\n#endif\n    }\n"
     "    return (uint32_t)aimc_sum("),
    ("system prototype", "core/maths.h", "/* A sum", "int fsync(int fd);\n\n/* A sum"),
    ("system macro", "core/platform.h", "#include", "#define NOMINMAX\n#include"),
    ("system in a public macro", "pool/api.h", "/* The version", "#ifdef __GNUC__\n"
     "#define AIMEM_POOL_END __attribute__((cleanup(aimem_x)))\n#endif\n/* The version"),
    ("declarations in two parts", "aimem_pool.h", '#include "pool/api.h"',
     '#include "pool/api.h"\n#include "pool/api_more.h"'),
    ("hidden words", CODE_C, "the code", "the code, __x = 1, #define X, _WIN32"),
]


class Lints(Case):
    def change(self, file, old, new):
        files = self.plant()
        if old is None:
            self.write("src/" + file, new)
            return
        text = files[file]
        if old.endswith("$"):
            self.assertTrue(text.endswith(old[:-1]), file)
            text = text[: -len(old[:-1])] + new
        else:
            self.assertIn(old, text, file)
            text = text.replace(old, new, 1)
        self.write("src/" + file, text)

    def test_errors(self):
        for name, file, old, new, message in LINTS:
            with self.subTest(name):
                self.change(file, old, new)
                code, out = self.run_script()
                if message is None:
                    self.assertEqual(code, 0, out)
                    continue
                self.assertEqual(code, 1, "%s: no error\n%s" % (name, out))
                self.assertIn(message, out)
                self.assertIn("; fix: ", out)
                self.assertNotIn("Traceback", out)

    def test_warnings(self):
        for name, file, old, new, message in WARNINGS:
            with self.subTest(name):
                self.change(file, old, new)
                code, out = self.run_script()
                self.assertEqual(code, 0, out)
                self.assertIn(message, out)

    def test_what_is_fine(self):
        for name, file, old, new in FINE:
            with self.subTest(name):
                self.change(file, old, new)
                self.write("src/pool/api_more.h", "/* More. */\ntypedef int aimem_more;\n")
                code, out = self.run_script()
                self.assertEqual(code, 0, out)

    def test_a_part_first_included_under_if(self):
        self.plant()
        self.write("src/aimem_pool.h", ROOT.replace(
            '#include "core/maths.h"', '#ifdef AIMEM_STATIC\n#include "core/maths.h"\n#endif'))
        code, out = self.run_script()
        self.assertEqual(code, 1)
        self.assertIn("code.h:5: core/maths.h was first included under the #if in "
                      "src/aimem_pool.h:23, so it may be missing here; fix: include it before", out)

    def test_files_are_written_in_spite_of_lint(self):
        self.change("pool/code.h", "    int a, b;", "\tint a, b;")
        self.assertEqual(self.run_script()[0], 1)
        self.assertTrue(os.path.exists(self.path("aimem_pool.h")))


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad, skips = len(result.failures) + len(result.errors), len(result.skipped)
    print("%d passed, %d failed, %d skipped" % (result.testsRun - bad - skips, bad, skips))
    sys.exit(1 if bad else 0)
