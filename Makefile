# aimem: tests, demo, lanes, packages. Needs GNU make, a C compiler and a POSIX shell; python3 is
# optional. The library itself needs no building: copy a header. `make help` lists the targets.
#
# CC, CXX, CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are yours. Products lie under $(BUILD).

BUILD = build
LANE = native
OUT = $(BUILD)/$(LANE)
PREFIX = /usr/local

CFLAGS = -O2
CXXFLAGS = $(CFLAGS)
LDLIBS = -lm -lpthread
WERROR =
RUN =
EXE =

# A C++ compiler of the same family as CC, unless CXX was given.
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(if \
    $(findstring gcc,$(CC)),$(subst gcc,g++,$(CC)),$(shell for c in c++ g++ clang++; do \
    command -v $$c >/dev/null 2>&1 && echo $$c && break; done)))
endif
# MODES: c, cxx or both. Every test program is one C file that is also C++17.
MODES := c $(shell command -v $(firstword $(CXX) no-such-compiler) >/dev/null 2>&1 && echo cxx)

# JOBS: how many at once when no -j was given.
JOBS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
SUB = $(MAKE) --no-print-directory
# What fails to build leaves no log, and tools/test.sh counts a missing log as a failure.
KEEP = $(SUB) -k $(PARALLEL)

# Warnings; none where the compiler is not known to have them.
IS_CLANG := $(shell $(CC) --version 2>/dev/null | grep -ci clang)
IS_GCC := $(shell $(CC) --version 2>/dev/null | grep -ciE 'gcc|free software foundation')
ifneq ($(IS_CLANG)$(IS_GCC),00)
WARN = -Wall -Wextra -pedantic -Wconversion -Wshadow -Wundef
WARN_C = $(WARN) -Wstrict-prototypes -Wc++-compat
ifneq ($(IS_CLANG),0)
WARN += -Wreserved-identifier -Wsign-conversion
endif
endif
STD_C = -std=c11
STD_CXX = -std=c++17

HEADERS := $(wildcard aimem*.h src/*.h src/*/*.h tests/*.h tests/*/*.h examples/*/*.h)
INCLUDE = -I. -Isrc -Itests

# What is built and run: PROGRAMS is a list of source files without .c, so that a lane can take
# less, as in `make lane PROGRAMS="tests/unit/arena tests/unit/hash"`.
PROGRAMS := $(patsubst %.c,%,$(sort $(wildcard tests/unit/*.c tests/fault/*.c tests/fuzz/*.c \
    examples/*.c)))
C_EXES = $(if $(filter c,$(MODES)),$(PROGRAMS:%=$(OUT)/c/%$(EXE)))
CXX_EXES = $(if $(filter cxx,$(MODES)),$(PROGRAMS:%=$(OUT)/cxx/%$(EXE)))
EXES = $(C_EXES) $(CXX_EXES)
LOGS = $(EXES:%=%.log)

CHECKS = recall compile docs generated amalgamate adapters \
    $(if $(filter cxx,$(MODES)),,no-cxx)
CHECK_LOGS = $(CHECKS:%=$(OUT)/check/%.log)

.PHONY: all help test programs lane demo generate check-generated matrix fuzz sanitize \
    valgrind bench install uninstall clean FORCE
.DELETE_ON_ERROR:

all: help

help:
	@echo 'aimem: single-file C headers. Copy one into your project; nothing needs building.'
	@echo
	@echo '  make demo       a program with a long-term memory answers questions (TEXT="files")'
	@echo '  make test       every test with this compiler (CC=clang CFLAGS=-O3 to choose)'
	@echo '  make matrix     every toolchain and target; LANES="gcc-c11 s390x" for some of them'
	@echo '  make sanitize   address, undefined, thread and memory sanitizers'
	@echo '  make valgrind   the tests under valgrind'
	@echo '  make fuzz       libFuzzer, FUZZ_SECONDS=60 for each target'
	@echo '  make bench      ratios to the peers; BENCH=pool PEERS=folder AIMEM_DATA=folder'
	@echo '  make generate   write the headers anew from src/ (python3)'
	@echo '  make install    headers and aimem.pc below PREFIX (and DESTDIR)'
	@echo '  make clean      remove $(BUILD)'

# ---- programs -----------------------------------------------------------------------------------

# Other compilers or flags than in the last run build everything anew.
FLAGS_NOW = $(CC) $(CXX) $(CPPFLAGS) $(WERROR) $(CFLAGS) + $(CXXFLAGS) $(LDFLAGS) $(LDLIBS)
$(OUT)/flags: export FLAGS_LINE = $(FLAGS_NOW)
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS_LINE" | cmp -s - $@ || printf '%s\n' "$$FLAGS_LINE" > $@

$(OUT)/c/%$(EXE): %.c $(HEADERS) $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(STD_C) $(CPPFLAGS) $(WARN_C) $(WERROR) $(CFLAGS) $(INCLUDE) -o $@ $< \
	    $(LDFLAGS) $(LDLIBS)

$(OUT)/cxx/%$(EXE): %.c $(HEADERS) $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(CXX) $(STD_CXX) $(CPPFLAGS) $(WARN) $(WERROR) $(CXXFLAGS) $(INCLUDE) -o $@ -x c++ $< \
	    -x none $(LDFLAGS) $(LDLIBS)

# Every run is new; tools/test.sh keeps output and exit code in the log and prints one line.
$(OUT)/%.log: $(OUT)/% FORCE
	@RUN='$(RUN)' sh tools/test.sh $(if $(findstring /examples/,$*),example,run) '$(LANE)/$*' $@ \
	    $< $(call arguments,$*)

# The corpus of a fuzz target: every file in the folder of its name. recall needs a command; its
# own test is tests/recall_test.sh.
arguments = $(if $(findstring /tests/fuzz/,$1),$(sort $(wildcard \
    tests/fuzz/corpus/$(notdir $(1:%$(EXE)=%))/*)))$(if $(findstring /recall,$1),$(RECALL_ARGS))
RECALL_ARGS = eval README.md

FORCE:

# lane: the programs alone; what matrix, sanitizers and .ci/run call with other compilers.
lane:
	@rm -f $(LOGS)
	+@$(KEEP) Q=@ $(LOGS) || true
	@sh tools/test.sh sum $(LOGS)

programs: $(EXES)

# ---- make test ----------------------------------------------------------------------------------

test:
	@rm -f $(LOGS) $(CHECK_LOGS)
	+@$(KEEP) Q=@ $(CHECK_LOGS) $(LOGS) || true
	@sh tools/test.sh sum $(LOGS) $(CHECK_LOGS)

# Each check is a shell script that prints a sum; they read these variables.
$(CHECK_LOGS): FORCE
	@mkdir -p $(@D)
	@CC='$(CC)' CXX='$(if $(filter cxx,$(MODES)),$(CXX))' CFLAGS='$(CFLAGS)' \
	    LDFLAGS='$(LDFLAGS)' BUILD='$(OUT)' RUN= \
	    sh tools/test.sh run '$(LANE)/check/$(basename $(@F))' $@ $(COMMAND)

$(OUT)/check/recall.log: $(OUT)/c/examples/recall$(EXE)
$(OUT)/check/recall.log: COMMAND = sh tests/recall_test.sh $(OUT)/c/examples/recall$(EXE)
$(OUT)/check/compile.log: COMMAND = sh tests/compile/run.sh quick
$(OUT)/check/docs.log: COMMAND = sh tests/docs.sh
$(OUT)/check/generated.log: COMMAND = sh tools/python.sh amalgamate.py --check
$(OUT)/check/amalgamate.log: COMMAND = sh tools/python.sh tests/amalgamate_test.py
$(OUT)/check/adapters.log: COMMAND = sh tests/adapters_real.sh
$(OUT)/check/no-cxx.log: COMMAND = sh tools/skip.sh 'C++: there is no C++ compiler'

generate:
	python3 amalgamate.py

check-generated:
	python3 amalgamate.py --check

# ---- the main job -------------------------------------------------------------------------------

TEXT = README.md $(wildcard docs/*.md)

$(BUILD)/demo/recall$(EXE): examples/recall.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(STD_C) $(CPPFLAGS) $(CFLAGS) -I. -o $@ $< $(LDFLAGS) $(LDLIBS)

demo: $(BUILD)/demo/recall$(EXE)
	@sh tools/demo.sh $< $(BUILD)/demo/memory.aimem $(TEXT)

# ---- lanes --------------------------------------------------------------------------------------

LANES =
FUZZ_SECONDS = 60
BENCH =
PEERS =
AIMEM_DATA =

matrix:
	@BUILD='$(BUILD)' MAKE='$(MAKE)' sh tools/matrix.sh $(LANES)

sanitize:
	@BUILD='$(BUILD)' MAKE='$(MAKE)' sh tools/matrix.sh asan asan-cxx tsan msan

valgrind:
	@BUILD='$(BUILD)' MAKE='$(MAKE)' sh tools/matrix.sh valgrind

fuzz:
	@BUILD='$(BUILD)' FUZZ_SECONDS='$(FUZZ_SECONDS)' sh tools/fuzz.sh

bench:
	@BUILD='$(BUILD)' CC='$(CC)' CXX='$(CXX)' BENCH='$(BENCH)' PEERS='$(PEERS)' \
	    AIMEM_DATA='$(AIMEM_DATA)' sh bench/run.sh

# ---- packages -----------------------------------------------------------------------------------

DEST = $(DESTDIR)$(PREFIX)
VERSION = $(shell awk '/^.define AIMEM_POOL_VERSION_(MAJOR|MINOR|PATCH) / \
    { printf "%s%s", s, $$3; s = "." }' aimem_pool.h)

install:
	mkdir -p $(DEST)/include $(DEST)/share/pkgconfig
	cp aimem.h aimem_*.h $(DEST)/include/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' aimem.pc.in \
	    > $(DEST)/share/pkgconfig/aimem.pc

uninstall:
	rm -f $(patsubst %,$(DEST)/include/%,$(notdir $(wildcard aimem*.h))) \
	    $(DEST)/share/pkgconfig/aimem.pc

clean:
	rm -rf $(BUILD)
