/* What the parts of the extension share: hashes, the table of keys, kinds of bytes. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IS_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

typedef const unsigned char *bytes;

/* ---- hashes ---- */

extern uint64_t salt[3];


static inline uint64_t mixed(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t eight(bytes at) {
    uint64_t value;
    memcpy(&value, at, 8);
    return value;
}

/* Hash with the process's own salt: another run finds what a collision hid. */
static inline uint64_t hash_of(bytes at, size_t length) {
    uint64_t state = salt[0] ^ length;
    for (; length > 8; at += 8, length -= 8)
        state = mixed(state ^ eight(at), salt[1]);
    uint64_t rest = 0;
    memcpy(&rest, at, length);
    return mixed(state ^ rest, salt[1]) ^ mixed(state ^ salt[2], rest ^ salt[1]);
}

/* ---- keys ---- */

struct keys {
    PyObject_HEAD
    uint64_t *added; /* until the first look-up */
    uint32_t *slots; /* from then on: 29 bits of the hash, and the lowest three for SEEN, KNOWN, AGAIN; 0 is free */
    size_t count, room, size;
    size_t marked; /* how many different ones were seen */
};

enum { SEEN = 1, KNOWN = 2, AGAIN = 4, MARKS = SEEN | KNOWN, BITS = MARKS | AGAIN }; /* AGAIN: added more than once */

extern PyTypeObject *keys_type;
extern PyType_Spec keys_spec, texts_spec;
extern PyMethodDef names_methods[];

int add_key(struct keys *keys, uint64_t hash); /* -1 where there is no memory; no exception is set */
int seal(struct keys *keys);                   /* before any is looked up; -1 with an exception */
int text_of(PyObject *key, bytes *at, size_t *length);

/* What stands in a slot for a hash; never 0. */
static inline uint32_t tag_of(uint64_t hash) { return ((uint32_t)hash | (BITS + 1)) & ~(uint32_t)BITS; }

static inline uint32_t *slot_of(const struct keys *keys, uint64_t hash) {
    uint32_t tag = tag_of(hash);
    size_t at = (size_t)((hash >> 32) * keys->size >> 32);
    while (keys->slots[at] && (keys->slots[at] & ~(uint32_t)BITS) != tag)
        at = at + 1 == keys->size ? 0 : at + 1;
    return &keys->slots[at];
}

/* Mark as seen, or more, and count what is seen for the first time. */
static inline int mark_as(const struct keys *keys, bytes at, size_t length, uint32_t marks) {
    uint32_t *slot = slot_of(keys, hash_of(at, length));
    if (!*slot)
        return 0;
    ((struct keys *)keys)->marked += !(*slot & SEEN);
    *slot |= marks;
    return 1;
}

static inline int mark(const struct keys *keys, bytes at, size_t length) { return mark_as(keys, at, length, SEEN); }

static inline int holds(const struct keys *keys, bytes at, size_t length) { return *slot_of(keys, hash_of(at, length)) != 0; }

static inline int was_again(const struct keys *keys, bytes at, size_t length) {
    return (*slot_of(keys, hash_of(at, length)) & AGAIN) != 0;
}

static inline uint32_t marks_on(const struct keys *keys, bytes at, size_t length) {
    return *slot_of(keys, hash_of(at, length)) & MARKS;
}

static inline int has_seen(const struct keys *keys, bytes at, size_t length) { return marks_on(keys, at, length) & SEEN; }

/* ---- letters ---- */

enum { SPACE, TAB, SLASH, WORD, HIGH }; /* as tokens.CLEAN has them; HIGH: a byte beyond ASCII */
enum { NOTHING, DOT, PARTS, ESCAPE, BOTH };

extern unsigned char kind[256], lower[256];
extern unsigned char sixth[256];  /* what a digit of base64 stands for; 64: none */
extern unsigned char look[256];   /* whether a byte may begin something: see scan() */
extern unsigned char coarse[256]; /* whether it lies within a word that may hold escapes: variants._COARSE */

static inline int is_alnum(unsigned char letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

static inline int is_hex(unsigned char letter) {
    return (letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'f');
}

static inline int in_word(unsigned char letter) { return kind[letter] >= WORD; }

#define STEM_MOST 255 /* stems.MOST */

#define KIND_MOST 24
size_t kind_of(bytes name, size_t length, unsigned char *out); /* of ASCII; returns the length of what it wrote */
