/* tests/compile/use.h: calls of each header that stands above, so that a link is a real link.
 *
 * use_all() is the number of headers whose calls gave what they should. A header that is added
 * gets its few lines here.
 */
#ifndef USE_H
#define USE_H

#include <string.h>

#ifdef AIMEM_POOL_H
static int use_pool(void) {
    aimem_pool_desc desc;
    aimem_pool *pool = NULL;
    memset(&desc, 0, sizeof desc);
    desc.block_size = 24;
    if (aimem_pool_version() != AIMEM_POOL_VERSION) return 0;
    if (aimem_pool_create(&desc, &pool) != AIMEM_OK || pool == NULL) return 0;
    aimem_pool_destroy(pool);
    return strcmp(aimem_result_string(AIMEM_OK), "ok") == 0;
}
#endif

#ifdef AIMEM_VEC_H
static int use_vec(void) {
    aimem_vec_desc desc;
    aimem_vec *vec = NULL;
    memset(&desc, 0, sizeof desc);
    desc.dim = 3;
    if (aimem_vec_version() != AIMEM_VEC_VERSION) return 0;
    if (aimem_vec_create(&desc, &vec) != AIMEM_OK || vec == NULL) return 0;
    aimem_vec_destroy(vec);
    return strcmp(aimem_result_string(AIMEM_ERR_NOMEM), "out of memory") == 0;
}
#endif

static int use_all(void) {
    int good = 0;
#ifdef AIMEM_POOL_H
    good += use_pool();
#endif
#ifdef AIMEM_VEC_H
    good += use_vec();
#endif
    return good;
}

#endif
