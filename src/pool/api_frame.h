/* pool/api_frame.h: the public declarations of frame arenas and rings. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- frame: memory for this frame and the last one ------------------------------------------
 *
 *   frame    7        8        9
 *   arena 0  [ 7's ]  [ 7's ]  [ 9's ]      a piece is valid in the frame it was pushed in and in
 *   arena 1  [ 6's ]  [ 8's ]  [ 8's ]      the one after; nobody frees it
 *
 * Two arenas that take turns. What one frame computes the next one may still read: last positions,
 * command lists that a second thread or a device is still working on.
 * A frame belongs to one thread at a time; other threads may read pieces.
 */
typedef struct aimem_frame {
    aimem_arena arenas[2];
    uint32_t current; /* 0 or 1 */
    uint64_t number;  /* swaps so far */
} aimem_frame;

/* Each of the two arenas is made as arena says, but for memory: that is halved between them. */
typedef struct aimem_frame_desc {
    aimem_arena_desc arena;
    uint32_t canary_zero;
} aimem_frame_desc;

typedef struct aimem_frame_info {
    uint64_t number;   /* of the current frame, from 0 */
    size_t used;       /* bytes in the current frame, padding included */
    size_t last_used;  /* bytes of the last one */
    size_t peak;       /* the most bytes in one frame */
    size_t reserved;   /* bytes held by both arenas */
    size_t limit;      /* of one frame; SIZE_MAX: none */
} aimem_frame_info;

/* Makes *frame ready. desc may be NULL: chunks from the C library. The caller keeps the struct and
   must not copy it while it is in use. Errors as of aimem_arena_init. */
AIMEM_POOL_API aimem_result aimem_frame_init(aimem_frame *frame, const aimem_frame_desc *desc);

/* Gives everything back. NULL and a zeroed struct are fine. */
AIMEM_POOL_API void aimem_frame_deinit(aimem_frame *frame);

/* The arena of this frame, with all that arenas can do (but rewind only to marks of this frame). */
AIMEM_POOL_INLINE aimem_arena *aimem_frame_now(aimem_frame *frame) {
    return &frame->arenas[frame->current];
}

/* size bytes at align (0: 16), not cleared, valid until the second swap from now; NULL as
   aimem_arena_push. O(1), inline. */
AIMEM_POOL_INLINE void *aimem_frame_push(aimem_frame *frame, size_t size, size_t align) {
    return aimem_arena_push(&frame->arenas[frame->current], size, align);
}

/* The next frame begins: pieces of the last frame are gone, those of this one stay for one more.
   Memory is kept. O(chunks). */
AIMEM_POOL_API void aimem_frame_swap(aimem_frame *frame);

/* The frame as an allocator hook: new blocks are pieces of the current frame, whichever that is.
   Growing a block of the last frame makes a piece of this one; free gives back the last piece of
   the current frame only. */
AIMEM_POOL_API aimem_allocator aimem_frame_allocator(aimem_frame *frame);

/* What the frame holds. O(chunks). */
AIMEM_POOL_API void aimem_frame_stats(const aimem_frame *frame, aimem_frame_info *out);

/* ---- ring: pieces that go in the order in which they came -----------------------------------
 *
 *   memory  [ c | d |      free      | head a | head b | filler ]
 *                   ^ next            ^ oldest
 *
 * Messages, uploads to a device, audio blocks: variable sizes, first in, first out, in one fixed
 * piece of memory. A piece is contiguous; where it would not fit before the end, the rest there is
 * skipped. Pieces may be freed in any order; room is won when the oldest ones are free. Each takes
 * 16 bytes in front and a multiple of 16, so wrong frees are refused.
 * The struct is transparent; its fields are for reading only. One thread uses a ring at a time.
 */
typedef struct aimem_ring {
    unsigned char *base;   /* at a multiple of 16 */
    size_t capacity;       /* bytes, a multiple of 16 */
    size_t oldest, next;   /* offsets; equal when empty or full */
    size_t used;           /* bytes between them, heads, padding and fillers included */
    size_t newest;         /* offset of the newest piece's head; valid when used is not 0 */
    size_t peak;           /* the most ever used */
    uint64_t pushed;       /* pieces handed out since init */
    uint64_t retired;      /* pieces whose room was won back; they are the first ones */
    uint64_t failures;     /* pushes answered with NULL */
    uint64_t refused;      /* wrong frees */
    size_t owned;          /* bytes from the allocator, 0: the caller's memory */
    aimem_allocator allocator;
    aimem_logger logger;
} aimem_ring;

typedef struct aimem_ring_desc {
    aimem_allocator allocator; /* for size bytes; zero: the C library */
    void *memory;              /* the caller's bytes, any alignment; else NULL */
    size_t memory_size;
    size_t size;               /* without memory: bytes to take; 0: 64 KiB */
    aimem_logger logger;       /* told about wrong frees, and pieces in use at deinit */
    uint32_t canary_zero;
} aimem_ring_desc;

typedef struct aimem_ring_info {
    size_t capacity;
    size_t used;      /* heads, padding and fillers included */
    size_t peak;
    size_t largest;   /* a piece of so many bytes would fit now, at alignment 16 */
    size_t pieces;    /* not yet retired, freed or not */
    uint64_t pushed;
    uint64_t retired;
    uint64_t failures;
    uint64_t refused;
} aimem_ring_info;

/* Makes *ring ready. desc may be NULL: 64 KiB from the C library. Errors: INVALID (NULL ring,
   canary, memory without size, memory together with size, no allocator), RANGE (under 32 bytes in
   multiples of 16, or over PTRDIFF_MAX), NOMEM. */
AIMEM_POOL_API aimem_result aimem_ring_init(aimem_ring *ring, const aimem_ring_desc *desc);

/* Gives the memory back. The logger is told about pieces in use. NULL and a zeroed struct are
   fine. */
AIMEM_POOL_API void aimem_ring_deinit(aimem_ring *ring);

/* size bytes (0 is fine), not cleared, at a multiple of align (a power of two; 0: 16). NULL when
   there is no room in one piece, or for another align; the ring is then as it was. An empty ring
   has room for capacity - 16 bytes at alignment 16. O(1). */
AIMEM_POOL_API void *aimem_ring_push(aimem_ring *ring, size_t size, size_t align);

/* Frees a piece. Its room comes back when all older ones are free too. NULL is fine. Errors, with
   nothing changed: FOREIGN (outside the memory), INTERIOR (inside a piece, or the piece in front
   was written past its end), DOUBLE_FREE (free already, or nothing in use there). O(pieces freed
   before it), O(1) on average. */
AIMEM_POOL_API aimem_result aimem_ring_free(aimem_ring *ring, void *ptr);

/* The oldest piece in use, and its size (may be NULL); NULL when there is none. O(1). */
AIMEM_POOL_API void *aimem_ring_peek(const aimem_ring *ring, size_t *size);

/* The next younger piece in use after ptr (which is one), or NULL. O(pieces freed between). */
AIMEM_POOL_API void *aimem_ring_next(const aimem_ring *ring, const void *ptr, size_t *size);

/* Frees the oldest piece in use. NOT_FOUND: there is none. */
AIMEM_POOL_API aimem_result aimem_ring_pop(aimem_ring *ring);

/* Frees every piece that was pushed before ring->pushed had the value mark: keep it beside a fence,
   and call this when the device has passed it. Returns how many pieces were retired; a mark of the
   future frees all there are. O(pieces). */
AIMEM_POOL_API size_t aimem_ring_retire(aimem_ring *ring, uint64_t mark);

/* Frees all pieces. */
AIMEM_POOL_API void aimem_ring_reset(aimem_ring *ring);

/* The ring as an allocator hook. Only the newest piece is resized in place. The ring must outlive
   every object that uses it. */
AIMEM_POOL_API aimem_allocator aimem_ring_allocator(aimem_ring *ring);

/* What the ring holds and has done. O(1). */
AIMEM_POOL_API void aimem_ring_stats(const aimem_ring *ring, aimem_ring_info *out);

#ifdef __cplusplus
}
#endif
