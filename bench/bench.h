/* bench/bench.h: the harness of all benchmarks. C and C++.
 *
 * A figure is measured for us and for each peer in interleaved rounds, in one process. Each round
 * gives one ratio ours / peer for every peer; a line is printed for the best peer that the goal is
 * about (others are in the table only):
 *
 *   ratio <area>.<work>.<case> <median> ours=<v> best_peer=<v> <unit> peer=<name> goal<=<g> <verdict>
 *
 * The interval is the least and the greatest ratio of the rounds. Verdicts: met, when all of it is
 * on the right side of the goal; short, when all of it is on the wrong side; close, when it
 * straddles the goal; skipped, when no peer could be measured. BENCH_ROUNDS sets the rounds (7).
 */
#ifndef BENCH_H
#define BENCH_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__clang__)
#define BENCH_NOINLINE __attribute__((noinline))
#else
#define BENCH_NOINLINE __attribute__((noinline, noclone))
#endif
#define BENCH_UNUSED __attribute__((unused))

enum { BENCH_MAX_PEERS = 16, BENCH_MAX_ROUNDS = 101 };

/* One contestant. run does the work once and returns the figure in the unit of the line; a negative
   figure says that it could not be measured. */
typedef struct bench_entry {
    const char *name;
    double (*run)(void *context);
    void *context;
    int no_goal; /* in the table only: not a peer that the goal is about */
} bench_entry;

typedef struct bench_counts {
    int met, close, shortfall, skipped;
} bench_counts;

static bench_counts bench_total;

/* CPU time of this thread in nanoseconds. */
BENCH_UNUSED static double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Makes the compiler believe that the bytes at p are read and written. */
BENCH_UNUSED static void bench_use(void *p) {
    __asm__ volatile("" : : "r"(p) : "memory");
}

BENCH_UNUSED static void bench_pin(int cpu) {
#if defined(__linux__)
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
#else
    (void)cpu;
#endif
}

BENCH_UNUSED static int bench_rounds(void) {
    const char *text = getenv("BENCH_ROUNDS");
    int n = text != NULL ? atoi(text) : 7;
    return n < 5 ? 5 : n > BENCH_MAX_ROUNDS ? BENCH_MAX_ROUNDS : n;
}

static int bench_order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median of n figures, and the least and the greatest. Sorts them. */
static double bench_median(double *v, int n, double *least, double *greatest) {
    qsort(v, (size_t)n, sizeof *v, bench_order);
    *least = v[0];
    *greatest = v[n - 1];
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static const char *bench_verdict(double least, double greatest, int at_most, double goal) {
    int low_ok = at_most ? least <= goal : least >= goal;
    int high_ok = at_most ? greatest <= goal : greatest >= goal;
    if (low_ok && high_ok) {
        bench_total.met++;
        return "met";
    }
    if (low_ok || high_ok) {
        bench_total.close++;
        return "close";
    }
    bench_total.shortfall++;
    return "short";
}

BENCH_UNUSED static void bench_skip(const char *name, const char *why) {
    bench_total.skipped++;
    printf("ratio %s - skipped (%s)\n", name, why);
}

/* Measures entries[0] (ours) against the others. at_most: the figure and the goal are better when
   smaller (a time), else when larger (a rate). */
BENCH_UNUSED static void bench_compare(const char *name, const char *unit, int at_most, double goal,
                                       const bench_entry *entries, int count) {
    static double figure[BENCH_MAX_PEERS][BENCH_MAX_ROUNDS];
    double ratio[BENCH_MAX_ROUNDS], sorted[BENCH_MAX_ROUNDS];
    double median[BENCH_MAX_PEERS], least, greatest, low[BENCH_MAX_PEERS], high[BENCH_MAX_PEERS];
    int rounds = bench_rounds(), i, r, best = 0;
    for (i = 0; i < count; i++) (void)entries[i].run(entries[i].context); /* warm up */
    for (r = 0; r < rounds; r++) {
        for (i = 0; i < count; i++) figure[i][r] = entries[i].run(entries[i].context);
    }
    for (i = 0; i < count; i++) {
        memcpy(sorted, figure[i], sizeof(double) * (size_t)rounds);
        median[i] = bench_median(sorted, rounds, &low[i], &high[i]);
        if (i == 0 || low[i] < 0 || entries[i].no_goal) continue;
        if (best == 0 || (at_most ? median[i] < median[best] : median[i] > median[best])) best = i;
    }
    if (best == 0) {
        bench_skip(name, "no peer");
        return;
    }
    for (r = 0; r < rounds; r++) ratio[r] = figure[0][r] / figure[best][r];
    {
        double value = bench_median(ratio, rounds, &least, &greatest);
        printf("ratio %s %.3f ours=%.4g best_peer=%.4g %s peer=%s goal%s%.3g %s  [%.3f .. %.3f]\n",
               name, value, median[0], median[best], unit, entries[best].name,
               at_most ? "<=" : ">=", goal, bench_verdict(least, greatest, at_most, goal), least,
               greatest);
    }
    for (i = 0; i < count; i++) {
        if (low[i] < 0) continue;
        printf("    %-34s %10.4g %s  (%.4g .. %.4g)\n", entries[i].name, median[i], unit, low[i],
               high[i]);
    }
    fflush(stdout);
}

BENCH_UNUSED static int bench_end(void) {
    printf("bench: %d met, %d close, %d short, %d skipped\n", bench_total.met, bench_total.close,
           bench_total.shortfall, bench_total.skipped);
    return 0;
}

#endif
