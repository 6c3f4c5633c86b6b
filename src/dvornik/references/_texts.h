/* What the parts of Texts share: its tables, what is handed over to Python, letters beyond ASCII. */

#include "_inner.h"

#define PUNCTUATION 0xFFFF /* in the table of letters: no letter, it delimits; 0: it takes Python to tell */
#define LONGEST_WORD 4096 /* of a path, or of a word with escapes: variants._WORD */
#define FOLLOWING 2000   /* bytes of such a word from its escape on */
#define RECENT 8192

#define BLOCK 16
typedef unsigned char block __attribute__((vector_size(BLOCK)));

enum { TOKENS, ATOMS, STEMS, DIRECTORIES, LEAVES, ENDINGS, LAST, PARENTS, TABLES };

struct buffer {
    char *bytes;
    size_t length, room;
};

struct texts {
    PyObject_HEAD
    struct keys *tables[TABLES];
    uint16_t folds[0x800]; /* what a letter of two bytes folds to */
    size_t longest;        /* token */
    int wide_endings, wide_leaves, numeric, wide_paths;
    int failed;
    struct buffer escaped, sure, odd, encoded, numbers, coded; /* sure: words with escapes that are values */
    uint64_t recent[RECENT]; /* words handed over lately: what they name is marked already */
};

struct cell {
    bytes at;
    size_t length;
    int whole, is_short, is_mail;
};

void append(struct texts *texts, struct buffer *buffer, bytes at, size_t length, char end);
/* Hand a word over to Python, unless the same one just was. */
void hand_over(struct texts *texts, struct buffer *buffer, bytes at, size_t length);

/* Each looks at what stands at a place of a text, and strikes it or hands it over; see where they are defined. */
size_t strike_dot(struct texts *texts, bytes at, size_t length, size_t dot);
void strike_atoms(struct texts *texts, bytes at, size_t length);
void strike_slash(struct texts *texts, bytes at, size_t length, size_t slash);
void strike_numbers(struct texts *texts, bytes at, size_t length);
size_t strike_escape(struct texts *texts, bytes at, size_t length, size_t sign);
size_t strike_encoded(struct texts *texts, bytes at, size_t length, size_t sign);
void strike_coded(struct texts *texts, bytes at, size_t length);
/* Tell whether what stands at a place is a value of its own. */
int is_sure(const struct texts *texts, bytes at, size_t length, size_t begin, size_t end);
/* Fold a run as tokens.cut does, what delimits to spaces; -1 where a letter takes Python to fold. */
long fold(const struct texts *texts, bytes at, size_t length, unsigned char *out);
int is_mail(bytes at, size_t length);
int is_dense(bytes at, size_t length, size_t from);

/* Tell what the letter of two bytes at `at` folds to. */
static inline unsigned folded(const struct texts *texts, bytes at) { return texts->folds[(at[0] & 0x1F) << 6 | (at[1] & 0x3F)]; }

/* U+2000 to U+203F: quotes, dashes, spaces. */
static inline int is_punctuation(bytes at) { return at[0] == 0xE2 && at[1] == 0x80; }

static inline int is_delimiter(const struct texts *texts, bytes at) {
    return at[0] < 0xE0 ? folded(texts, at) == PUNCTUATION : is_punctuation(at);
}

/* Tell whether it surely is a letter beyond ASCII, by itself and however it is folded. */
static inline int is_letter(const struct texts *texts, bytes at) {
    return at[0] < 0xE0 && folded(texts, at) >= 0x80 && folded(texts, at) != PUNCTUATION;
}

static inline int class_of(unsigned char letter) { return letter >= 0x80 ? 2 : is_alnum(letter); }
