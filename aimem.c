/* aimem.c: every header, implemented; for build systems that want a .c */
#define AIMEM_IMPLEMENTATION
#include "aimem.h"
