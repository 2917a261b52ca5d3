/* bench/impl.c: the implementations as a user builds them: the default settings at -O2. */
#define AIMEM_IMPLEMENTATION
#include "../aimem.h"
