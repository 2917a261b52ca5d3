/* pool/text.h: short texts for the logger, without stdio. */
#ifndef AIMI_POOL_TEXT_H
#define AIMI_POOL_TEXT_H

#include "core/platform.h"
#include "core/types.h"

/* Always ends with NUL; what does not fit is left out. AIMEM_NO_STRINGS: always empty, and the
   logger gets the code alone. */
typedef struct aimi_pool_text {
    char text[160];
    size_t used;
} aimi_pool_text;

AIMC_FN void aimi_pool_text_add(aimi_pool_text *t, const char *more) {
#if !defined(AIMEM_NO_STRINGS)
    while (*more != '\0' && t->used + 1 < sizeof t->text) t->text[t->used++] = *more++;
#else
    (void)more;
#endif
    t->text[t->used] = '\0';
}

/* In base 10 or 16. */
AIMC_FN void aimi_pool_text_number(aimi_pool_text *t, uint64_t number, uint32_t base) {
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    aimi_pool_text_add(t, digits + at);
}

AIMC_FN void aimi_pool_text_address(aimi_pool_text *t, const void *address) {
    aimi_pool_text_add(t, "0x");
    aimi_pool_text_number(t, (uintptr_t)address, 16);
}

/* Begins with the name of the object that speaks. */
AIMC_FN void aimi_pool_text_begin(aimi_pool_text *t, const char *name) {
    t->used = 0;
    aimi_pool_text_add(t, name);
    aimi_pool_text_add(t, ": ");
}

AIMC_FN void aimi_pool_text_send(const aimi_pool_text *t, const aimem_logger *logger, int level,
                                 aimem_result code) {
    if (logger->log_fn != NULL) logger->log_fn(logger->user_data, level, code, t->text);
}

#endif
