/* Texts: what of the table of names a text names, outside the interpreter lock.
 *
 * Texts strikes what stands plainly in UTF-8 and names to the caller, whose Python is the reference (names.py,
 * directories.py), the words and cells that need more: escapes, letters that do not fold one by one, other alphabets.
 * Where the two differ, this one may only strike more.
 */

#include "_inner.h"

#define PUNCTUATION 0xFFFF /* in the table of letters: no letter, it delimits; 0: it takes Python to tell */
#define LONGEST_RUN 300  /* bytes of a word that is judged here; tokens are shorter than a name may be */
#define LONGEST_WORD 4096 /* of a path, or of a word with escapes: variants._WORD */
#define FOLLOWING 2000   /* bytes of such a word from its escape on */
#define RECENT 8192
#define LISTED 2048 /* stems._LONGEST */
#define DENSE 40 /* variants._DENSE */

enum { TOKENS, ATOMS, STEMS, DIRECTORIES, LEAVES, ENDINGS, LAST, TABLES };

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
    struct buffer escaped, odd, encoded, numbers;
    uint64_t recent[RECENT]; /* words handed over lately: what they name is marked already */
};

struct cell {
    bytes at;
    size_t length;
    int whole, is_short;
};

static void append(struct texts *texts, struct buffer *buffer, bytes at, size_t length, char end) {
    size_t needed = buffer->length + length + 1;
    if (needed > buffer->room) {
        char *larger = realloc(buffer->bytes, needed * 2);
        if (!larger) {
            texts->failed = 1;
            return;
        }
        buffer->bytes = larger;
        buffer->room = needed * 2;
    }
    memcpy(buffer->bytes + buffer->length, at, length);
    buffer->bytes[needed - 1] = end;
    buffer->length = needed;
}

/* Hand a word over to Python, unless the same one just was. */
static void hand_over(struct texts *texts, struct buffer *buffer, bytes at, size_t length) {
    uint64_t hash = hash_of(at, length) ^ (uint64_t)((char *)buffer - (char *)texts);
    uint64_t *known = &texts->recent[hash % RECENT];
    if (*known == hash)
        return;
    *known = hash;
    append(texts, buffer, at, length, ' ');
}

/* Tell how long the character is, 0 where it is no UTF-8 (or a NUL, which no text holds). */
static size_t length_of(bytes at, size_t rest) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? at[0] != 0 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;
    if (length < 2 || length > rest)
        return length > rest ? 0 : length;
    uint32_t letter = at[0] & (0x7F >> length);
    for (size_t next = 1; next < length; next++) {
        if ((at[next] & 0xC0) != 0x80)
            return 0;
        letter = letter << 6 | (at[next] & 0x3F);
    }
    return letter < least[length] || letter > 0x10FFFF || (letter >= 0xD800 && letter < 0xE000) ? 0 : length;
}

/* Tell whether eight bytes are ASCII and whole letters of two bytes; return how many of them to pass, 0 if not. */
static size_t passed(uint64_t word) {
    const uint64_t high = 0x8080808080808080u, ones = 0x0101010101010101u;
    uint64_t first = word & word << 1 & high, next = word & ~(word << 1) & high, cut = first >> 63;
    uint64_t longer = first & word << 2, overlong = first & ~(word << 3 | word << 4 | word << 5 | word << 6);
    first &= ~(cut << 63); /* the last one's second half follows */
    return (first << 8 ^ next) | longer | overlong | ((word - ones) & ~word & high) ? 0 : 8 - cut;
}

/* Tell whether it is UTF-8 without a NUL. */
static int is_plain(bytes at, size_t length) {
    for (size_t here = 0, step; here < length; here += step) {
        step = IS_LITTLE && here + 8 <= length ? passed(eight(at + here)) : 0;
        if (!step && !(step = length_of(at + here, length - here)))
            return 0;
    }
    return 1;
}

/* Tell what the letter of two bytes at `at` folds to. */
static unsigned folded(const struct texts *texts, bytes at) { return texts->folds[(at[0] & 0x1F) << 6 | (at[1] & 0x3F)]; }

/* U+2000 to U+203F: quotes, dashes, spaces. */
static int is_punctuation(bytes at) { return at[0] == 0xE2 && at[1] == 0x80; }

static int is_delimiter(const struct texts *texts, bytes at) {
    return at[0] < 0xE0 ? folded(texts, at) == PUNCTUATION : is_punctuation(at);
}

/* Tell whether it surely is a letter beyond ASCII, by itself and however it is folded. */
static int is_letter(const struct texts *texts, bytes at) {
    return at[0] < 0xE0 && folded(texts, at) >= 0x80 && folded(texts, at) != PUNCTUATION;
}

/* Fold a run as tokens.cut does, what delimits to spaces; -1 where a letter takes Python to fold. */
static long fold(const struct texts *texts, bytes at, size_t length, unsigned char *out) {
    unsigned char *end = out;
    for (bytes stop = at + length; at < stop;) {
        if (*at < 0x80) {
            *end++ = lower[*at++];
            continue;
        }
        unsigned letter = *at < 0xE0 ? folded(texts, at) : is_punctuation(at) ? PUNCTUATION : 0;
        at += *at < 0xE0 ? 2 : 3;
        if (!letter)
            return -1;
        if (letter >= 0x80 && letter != PUNCTUATION)
            *end++ = (unsigned char)(0xC0 | letter >> 6);
        *end++ = (unsigned char)(letter == PUNCTUATION ? ' ' : letter < 0x80 ? letter : 0x80 | (letter & 0x3F));
    }
    return end - out;
}

/* Tell whether one of the listed names' endings may follow the dot. */
static int is_ending(const struct texts *texts, bytes at, size_t length, size_t dot) {
    unsigned char ending[256];
    size_t begin = dot + 1, size = 0;
    while (begin < length && (at[begin] == '_' || at[begin] == '-'))
        begin++;
    while (begin + size < length && is_alnum(at[begin + size]))
        size++;
    if (begin + size < length && at[begin + size] >= 0x80) { /* it may be a part of the ending, once it is folded */
        bytes next = at + begin + size;
        unsigned letter = *next < 0xE0 ? folded(texts, next) : is_punctuation(next) ? PUNCTUATION : 0;
        if (letter < 0x80 || (letter != PUNCTUATION && texts->wide_endings))
            return 1;
    }
    if (!size || size > sizeof ending)
        return 0;
    for (size_t next = 0; next < size; next++)
        ending[next] = lower[at[begin + next]];
    return holds(texts->tables[ENDINGS], ending, size);
}

static int class_of(unsigned char letter) { return letter >= 0x80 ? 2 : is_alnum(letter); }

/* Strike each listed token within the folded word: Names._strike_spans. */
static void strike_spans(struct texts *texts, bytes word, size_t length) {
    uint16_t begins[LONGEST_RUN], ends[LONGEST_RUN];
    int count = 0;
    for (size_t at = 0; at < length;) {
        size_t begin = at;
        while (at < length && class_of(word[at]) == class_of(word[begin]))
            at++;
        if (class_of(word[begin])) {
            begins[count] = (uint16_t)begin;
            ends[count++] = (uint16_t)at;
        }
    }
    for (int last = count - 1; last > 0; last--) {
        size_t end = ends[last], dot = end;
        if (!holds(texts->tables[LAST], word + begins[last], end - begins[last]))
            continue;
        while (dot && word[dot] != '.')
            dot--;
        for (int first = last - 1; first >= 0 && end - begins[first] <= texts->longest; first--)
            if (begins[first] < dot)
                mark(texts->tables[TOKENS], word + begins[first], end - begins[first]);
    }
}

/* Strike what a folded word names: itself, or else what lies within it. */
static void strike_word(struct texts *texts, bytes word, size_t length) {
    for (size_t at = 0; at < length; at++)
        if (word[at] == '.' && is_ending(texts, word, length, at)) {
            if (!mark(texts->tables[TOKENS], word, length))
                strike_spans(texts, word, length);
            return;
        }
}

/* Look at the word around a dot; return where to go on. */
static size_t strike_dot(struct texts *texts, bytes at, size_t length, size_t dot) {
    if (!is_ending(texts, at, length, dot))
        return dot + 1;
    unsigned char word[LONGEST_RUN];
    size_t begin = dot, end = dot + 1;
    while (begin && in_word(at[begin - 1]))
        begin--;
    while (end < length && in_word(at[end]))
        end++;
    long size = end - begin > sizeof word ? -1 : fold(texts, at + begin, end - begin, word);
    if (size < 0)
        hand_over(texts, &texts->odd, at + begin, end - begin);
    for (long first = 0; first < size;) {
        bytes space = memchr(word + first, ' ', (size_t)(size - first));
        long stop = space ? space - word : size;
        strike_word(texts, word + first, (size_t)(stop - first));
        first = stop + 1;
    }
    return end;
}

/* Strike the directories that a path names, from each of its parts on: Directories._strike_word. */
static void strike_path(struct texts *texts, bytes at, size_t begin, size_t end) {
    unsigned char path[2 * LONGEST_WORD];
    size_t starts[LONGEST_WORD], size = 0;
    int count = 0;
    for (size_t here = begin; here < end;) {
        size_t part = size, first = here;
        for (; here < end && kind[at[here]] != SLASH; here++) {
            if (kind[at[here]] == HIGH) {
                hand_over(texts, &texts->odd, at + begin, end - begin);
                return;
            }
            path[size++] = kind[at[here]] == TAB ? '\t' : lower[at[here]];
        }
        size_t letters = here - first;
        if (letters && letters < 3 && !memcmp(at + first, "..", letters)) {
            hand_over(texts, &texts->odd, at + begin, end - begin);
            return;
        }
        if (letters) {
            starts[count++] = part;
            path[size++] = '/';
        }
        here++;
    }
    for (int first = 0; first + 1 < count; first++)
        mark(texts->tables[DIRECTORIES], path + starts[first], size - 1 - starts[first]);
}

/* Tell whether a listed directory's last part may begin the run, once that is folded, and end within it. */
static int may_fold_to_leaf(const struct texts *texts, bytes at, bytes leaf, size_t ascii) {
    if (texts->wide_leaves)
        return 1;
    if (is_letter(texts, at + ascii)) /* of another script: what is listed reads otherwise */
        return 0;
    return !is_delimiter(texts, at + ascii) || holds(texts->tables[LEAVES], leaf, ascii);
}

/* Look at a slash: a listed directory's last part may follow it, and then nothing more of a word. */
static void strike_slash(struct texts *texts, bytes at, size_t length, size_t slash) {
    if (!slash || kind[at[slash - 1]] < WORD)
        return;
    size_t begin = slash + 1, ascii = 0, first = slash;
    while (begin < length && kind[at[begin]] == SLASH)
        begin++;
    unsigned char leaf[256];
    size_t end = begin;
    while (end < length && kind[at[end]] == WORD && ascii < sizeof leaf)
        leaf[ascii++] = lower[at[end++]];
    int is_wide = end < length && kind[at[end]] == HIGH;
    if (!ascii && !is_wide)
        return;
    if (is_wide ? !may_fold_to_leaf(texts, at + begin, leaf, ascii) : !holds(texts->tables[LEAVES], leaf, ascii)) {
        size_t bare = ascii; /* at the end of a sentence */
        while (bare && leaf[bare - 1] == '.')
            bare--;
        if (is_wide || !bare || bare == ascii || !holds(texts->tables[LEAVES], leaf, bare))
            return;
        end = begin + bare;
    }
    while (first && kind[at[first - 1]] != SPACE && slash - first < LONGEST_WORD)
        first--;
    size_t stop = end;
    int is_odd = 0; /* a part taken back: Python does that */
    for (; stop < length && (kind[at[stop]] == SLASH || at[stop] == '.'); stop++)
        is_odd |= at[stop] == '.' && stop > end && at[stop - 1] == '.';
    if (is_odd)
        hand_over(texts, &texts->odd, at + first, stop - first);
    else if (stop < length && kind[at[stop]] == HIGH) { /* it may delimit, once it is folded */
        while (stop < length && in_word(at[stop]))
            stop++;
        hand_over(texts, &texts->odd, at + first, stop - first);
    } else if (stop == length || kind[at[stop]] == SPACE)
        strike_path(texts, at, first, end);
}

/* Tell whether an entity only delimits, as & and ; do by themselves: variants._PLAIN. */
static int is_delimiter_only(bytes at, size_t length) {
    static const char names[][7] = {"nbsp;", "quot;", "lt;", "gt;", "mdash;", "ndash;", "laquo;", "raquo;", "#39;", "#x27;"};
    for (size_t each = 0; each < sizeof names / sizeof *names; each++) {
        size_t size = 0;
        while (size < length && names[each][size] && at[size] == (unsigned char)names[each][size])
            size++;
        if (!names[each][size])
            return 1;
    }
    return 0;
}

/* Tell whether a space ends an escape of a stylesheet, and is part of it: variants._ENDED. */
static int ends_style(bytes at, size_t sign, size_t end) {
    size_t digits = 0;
    if (at[end] != ' ' && at[end] != '\t' && at[end] != '\n')
        return 0;
    while (end - digits > sign + 1 && digits < 7 && is_hex(at[end - digits - 1]))
        digits++;
    return digits && digits < 7 && at[end - digits - 1] == '\\';
}

/* Hand over a word with an escape in it; return where to go on, 0 where the whole cell is to be. */
static size_t strike_escape(struct texts *texts, bytes at, size_t length, size_t sign) {
    size_t begin = sign, end = sign + 1;
    if (end == length || !coarse[at[end]])
        return end;
    if (at[sign] == '&' && ((at[end] != '#' && (!is_alnum(at[end]) || at[end] <= '9')) ||
                            is_delimiter_only(at + end, length - end)))
        return end;
    while (begin && coarse[at[begin - 1]])
        begin--;
    while (end < length && (coarse[at[end]] || ends_style(at, sign, end)))
        end++;
    if (sign - begin > LONGEST_WORD || end - sign > FOLLOWING)
        return 0;
    hand_over(texts, &texts->escaped, at + begin, end - begin);
    return end;
}

/* Tell whether a byte may lie within an encoded path: directories._PATH. */
static int in_path(unsigned char letter) { return coarse[letter] ? letter != '{' && letter != '}' : letter && strchr("/+~", letter); }

/* Hand over a path with an escape in it, where directories have names beyond ASCII; as strike_escape. */
static size_t strike_encoded(struct texts *texts, bytes at, size_t length, size_t sign) {
    size_t begin = sign, end = sign + 1;
    if (end == length || (at[sign] == '&' && at[end] != '#') || (at[sign] == '\\' && at[end] != 'u'))
        return end;
    while (begin && in_path(at[begin - 1]))
        begin--;
    while (end < length && in_path(at[end]))
        end++;
    if (sign - begin > LONGEST_WORD || end - sign > FOLLOWING)
        return 0;
    if (memchr(at + begin, '/', end - begin))
        hand_over(texts, &texts->encoded, at + begin, end - begin);
    return end;
}

/* Tell whether so much of a text is \uXXXX that Python reads it at once: variants.unescaped. */
static int is_dense(bytes at, size_t length, size_t from) {
    size_t count = 0;
    for (bytes end = at + length, next = at + from; (next = memchr(next, '\\', (size_t)(end - next))); next++)
        count += next + 1 < end && next[1] == 'u';
    return count * DENSE >= length;
}

/* Letters of three bytes that fold to shorter ones: Cyrillic and Latin extensions, Greek with its signs, ligatures. */
static int folds_lower(bytes at) {
    unsigned letter = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return at[0] < 0xF0 && ((letter >= 0x1C80 && letter < 0x1C90) || (letter >= 0x1D00 && letter < 0x2000) ||
                            (letter >= 0x2100 && letter < 0x2150) || (letter >= 0x2C60 && letter < 0x2C80) ||
                            (letter >= 0xA640 && letter < 0xA800) || (letter >= 0xFB00 && letter < 0xFB50));
}

/* Strike runs of ASCII letters and digits, and of letters of two bytes: Names._strike_atoms. */
static void strike_atoms(struct texts *texts, bytes at, size_t length) {
    unsigned char atom[1024];
    size_t size = 0;
    int state = 0;
    for (size_t here = 0; here <= length;) {
        size_t step = here == length || at[here] < 0x80 ? 1 : at[here] < 0xE0 ? 2 : at[here] < 0xF0 ? 3 : 4;
        unsigned letter = 0;
        int next = here == length ? 0 : class_of(at[here]);
        if (next == 1)
            letter = lower[at[here]];
        else if (next == 2) {
            letter = step == 2 ? folded(texts, at + here) : step == 3 && folds_lower(at + here) ? 0 : PUNCTUATION;
            if (letter < 0x80) { /* it takes Python to fold the word */
                size_t begin = here, end = here;
                while (begin && in_word(at[begin - 1]))
                    begin--;
                while (end < length && in_word(at[end]))
                    end++;
                hand_over(texts, &texts->odd, at + begin, end - begin);
                here = end;
                size = 0;
                state = 0;
                continue;
            }
            next = letter == PUNCTUATION ? 0 : 2;
        }
        if (next != state && size && size < sizeof atom - 2)
            mark(texts->tables[ATOMS], atom, size);
        if (next != state)
            size = 0;
        state = next;
        if (next == 2 && size < sizeof atom - 2)
            atom[size++] = (unsigned char)(0xC0 | letter >> 6);
        if (next && size < sizeof atom - 2)
            atom[size++] = (unsigned char)(next == 1 ? letter : 0x80 | (letter & 0x3F));
        here += step;
    }
}

/* Hand over lines that are several numbers with slashes between: Directories.strike_cells. */
static void strike_numbers(struct texts *texts, bytes at, size_t length) {
    for (bytes line = at, end = at + length; line && line < end;) {
        bytes here = line;
        int count = 0;
        while (here < end && (*here == '.' || kind[*here] == SLASH))
            here++;
        while (here < end && *here >= '0' && *here <= '9') {
            for (count++; here < end && *here >= '0' && *here <= '9';)
                here++;
            while (here < end && kind[*here] == SLASH)
                here++;
        }
        if (count > 1 && (here == end || *here == '\n'))
            append(texts, &texts->numbers, line, (size_t)(here - line), '\n');
        line = memchr(here, '\n', (size_t)(end - here));
        line = line ? line + 1 : NULL;
    }
}

/* Strike a cell that is, as a whole, a name without its ending; what may be read in other ways is Python's: stems.py. */
static void strike_stem(struct texts *texts, struct cell *cell) {
    unsigned char stem[STEM_MOST];
    bytes begin = cell->at, end = begin + cell->length;
    if (cell->length > LISTED)
        return;
    while (begin < end && strchr(" \t\n\r\v\f", *begin) && *begin)
        begin++;
    while (begin < end && strchr(" \t\n\r\v\f", end[-1]) && end[-1])
        end--;
    size_t length = (size_t)(end - begin);
    cell->is_short = cell->length == 16; /* it may be a UUID */
    for (size_t at = 0; at < length && !cell->is_short; at++)
        cell->is_short = begin[at] >= 0x80 || kind[begin[at]] == SLASH || (begin[at] && strchr(",;|{}[", begin[at]));
    if (cell->is_short || length < STEM || length > STEM_MOST)
        return;
    for (size_t at = 0; at < length; at++)
        stem[at] = lower[begin[at]];
    mark(texts->tables[STEMS], stem, length);
}

#define BLOCK 16
typedef unsigned char block __attribute__((vector_size(BLOCK)));

/* Tell whether anything in a block is worth a look: what make_tables() says so of. */
static int has_any(bytes at) {
    block all;
    uint64_t found[2];
    memcpy(&all, at, BLOCK);
    block any = (block)((all == '.') | (all == '/') | (all == '%') | (all == '&') | (all == '\\'));
    memcpy(found, &any, BLOCK);
    return (found[0] | found[1]) != 0;
}

static void scan(struct texts *texts, struct cell *cell) {
    bytes at = cell->at;
    size_t length = cell->length, after_word = 0, after_escape = 0, after_path = 0;
    if (texts->tables[STEMS]->count)
        strike_stem(texts, cell);
    if (texts->numeric)
        strike_numbers(texts, at, length);
    cell->whole = !is_plain(at, length);
    int is_known = 0; /* to have few \uXXXX */
    for (size_t here = 0; here < length && !cell->whole; here++) {
        while (here + BLOCK <= length && !has_any(at + here))
            here += BLOCK;
        while (here < length && !look[at[here]])
            here++;
        if (here == length)
            break;
        int what = look[at[here]];
        if (what == DOT && here >= after_word && texts->tables[ENDINGS]->count)
            after_word = strike_dot(texts, at, length, here);
        if (what == BOTH && !is_known) {
            cell->whole = is_dense(at, length, here);
            is_known = 1;
        }
        if ((what == PARTS || what == BOTH) && texts->tables[LEAVES]->count)
            strike_slash(texts, at, length, here);
        if (what >= ESCAPE && here >= after_escape) {
            after_escape = strike_escape(texts, at, length, here);
            cell->whole |= !after_escape;
        }
        if (what >= ESCAPE && here >= after_path && texts->wide_paths) {
            after_path = strike_encoded(texts, at, length, here);
            cell->whole |= !after_path;
        }
    }
    if (!cell->whole && texts->tables[ATOMS]->count)
        strike_atoms(texts, at, length);
}

static PyObject *taken(struct buffer *buffer) {
    PyObject *found = PyBytes_FromStringAndSize(buffer->bytes, (Py_ssize_t)buffer->length);
    buffer->length = 0;
    return found;
}

static PyObject *chosen(PyObject *list, const struct cell *cells, Py_ssize_t count, int whole) {
    PyObject *found = PyList_New(0);
    for (Py_ssize_t at = 0; found && at < count; at++)
        if ((whole ? cells[at].whole : cells[at].is_short) && PyList_Append(found, PyList_GetItem(list, at)) < 0)
            Py_CLEAR(found);
    return found;
}

static PyObject *texts_strike(PyObject *self, PyObject *list) {
    struct texts *texts = (void *)self;
    Py_ssize_t count = PyList_Size(list); /* fails where it is no list */
    struct cell *cells = count < 0 ? NULL : calloc((size_t)count + 1, sizeof *cells);
    PyObject *result = NULL;
    size_t size = 0;
    if (count >= 0 && !cells)
        return PyErr_NoMemory();
    for (Py_ssize_t at = 0; at < count; at++) {
        if (text_of(PyList_GetItem(list, at), &cells[at].at, &cells[at].length) < 0)
            count = -1;
        else
            size += cells[at].length;
    }
    if (count >= 0) {
        Py_BEGIN_ALLOW_THREADS;
        for (Py_ssize_t at = 0; at < count; at++)
            scan(texts, &cells[at]);
        Py_END_ALLOW_THREADS;
        if (texts->failed)
            PyErr_NoMemory();
        else
            result = Py_BuildValue("(nNNNNNN)", (Py_ssize_t)size, taken(&texts->escaped), taken(&texts->odd),
                                   taken(&texts->encoded), taken(&texts->numbers), chosen(list, cells, count, 1), chosen(list, cells, count, 0));
    }
    free(cells);
    return result;
}

static PyObject *texts_forget(PyObject *self, PyObject *unused) {
    (void)unused;
    struct texts *texts = (void *)self;
    memset(texts->recent, 0, sizeof texts->recent);
    return Py_NewRef(Py_None);
}

static int texts_init(PyObject *self, PyObject *arguments, PyObject *named) {
    struct texts *texts = (void *)self;
    const char *folds;
    Py_ssize_t size, longest;
    PyObject *tables;
    if (named && PyDict_Size(named)) {
        PyErr_SetString(PyExc_TypeError, "no names here");
        return -1;
    }
    if (!PyArg_ParseTuple(arguments, "O!y#npppp", &PyTuple_Type, &tables, &folds, &size, &longest, &texts->wide_endings,
                          &texts->wide_leaves, &texts->numeric, &texts->wide_paths))
        return -1;
    if (PyTuple_Size(tables) != TABLES || size != sizeof texts->folds || texts->tables[0]) {
        PyErr_SetString(PyExc_ValueError, "tables or letters are missing");
        return -1;
    }
    for (int at = 0; at < TABLES; at++) {
        PyObject *keys = PyTuple_GetItem(tables, at);
        if (!PyObject_TypeCheck(keys, keys_type)) {
            PyErr_SetString(PyExc_TypeError, "tables are Keys");
            return -1;
        }
        texts->tables[at] = (void *)Py_NewRef(keys);
        if (seal(texts->tables[at]) < 0)
            return -1;
    }
    memcpy(texts->folds, folds, sizeof texts->folds);
    texts->longest = (size_t)longest;
    return 0;
}

static void texts_dealloc(PyObject *self) {
    struct texts *texts = (void *)self;
    PyTypeObject *type = Py_TYPE(self);
    for (int at = 0; at < TABLES; at++)
        Py_XDECREF((PyObject *)texts->tables[at]);
    free(texts->escaped.bytes);
    free(texts->odd.bytes);
    free(texts->encoded.bytes);
    free(texts->numbers.bytes);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(strike_doc,
             "strike(cells) -> (size, escaped, odd, encoded, numbers, whole, short)\n\n"
             "Strike what the cells, a list of bytes, plainly name. What is left to the caller: words with escapes,\n"
             "odd words, paths with escapes, lines of numbers, cells to be read as a whole, and cells that may be a name's stem.");

static PyMethodDef texts_methods[] = {{"strike", texts_strike, METH_O, strike_doc},
                                      {"forget", texts_forget, METH_NOARGS, "Hand everything over anew."},
                                      {NULL, NULL, 0, NULL}};

static PyType_Slot texts_slots[] = {{Py_tp_dealloc, texts_dealloc}, {Py_tp_new, PyType_GenericNew},
                                    {Py_tp_init, texts_init},       {Py_tp_methods, texts_methods},
                                    {Py_tp_doc, "Texts(tables, folds, longest, wide_endings, wide_leaves, numeric, wide_paths)"},
                                    {0, NULL}};

PyType_Spec texts_spec = {"dvornik.references._inner.Texts", sizeof(struct texts), 0, Py_TPFLAGS_DEFAULT, texts_slots};
