/* Texts: what of the table of names a text names, outside the interpreter lock.
 *
 * Texts strikes what stands plainly in UTF-8 and names to the caller, whose Python is the reference (names.py,
 * directories.py), the words and cells that need more: escapes, letters that do not fold one by one, other alphabets.
 * Where the two differ, this one may only strike more.
 */

#include "_texts.h"

#define LISTED 2048 /* stems._LONGEST */

void append(struct texts *texts, struct buffer *buffer, bytes at, size_t length, char end) {
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

void hand_over(struct texts *texts, struct buffer *buffer, bytes at, size_t length) {
    uint64_t hash = hash_of(at, length) ^ (uint64_t)((char *)buffer - (char *)texts);
    uint64_t *known = &texts->recent[hash % RECENT];
    if (*known == hash)
        return;
    *known = hash;
    append(texts, buffer, at, length, ' ');
}

/* Tell whether a text does not hold it: control characters but for those that delimit. */
static int is_control(unsigned char letter) { return letter < ' ' && (letter < '\t' || letter > '\r'); }

/* Tell how long the character is, 0 where it is no UTF-8 (or a control character). */
static size_t length_of(bytes at, size_t rest) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? !is_control(at[0]) : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;
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
    const uint64_t high = 0x8080808080808080u;
    uint64_t first = word & word << 1 & high, next = word & ~(word << 1) & high, cut = first >> 63;
    uint64_t longer = first & word << 2, overlong = first & ~(word << 3 | word << 4 | word << 5 | word << 6);
    first &= ~(cut << 63); /* the last one's second half follows */
    return (first << 8 ^ next) | longer | overlong ? 0 : 8 - cut;
}

/* Tell whether any of eight bytes is a control character. */
static int has_control(bytes at) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word = eight(at);
    if (!((word - ones * ' ') & ~word & ones * 0x80)) /* none is below a space: most often */
        return 0;
    int found = 0;
    for (int each = 0; each < 8; each++)
        found |= is_control(at[each]);
    return found;
}

/* Tell whether it is UTF-8 without control characters. */
static int is_plain(bytes at, size_t length) {
    for (size_t here = 0, step; here < length; here += step) {
        step = IS_LITTLE && here + 8 <= length && !has_control(at + here) ? passed(eight(at + here)) : 0;
        if (!step && !(step = length_of(at + here, length - here)))
            return 0;
    }
    return 1;
}

/* Strike a cell that is, as a whole or as a path's last part, a name without its ending; what else it may be is Python's:
 * stems.py. */
static void strike_stem(struct texts *texts, struct cell *cell) {
    unsigned char stem[STEM_MOST];
    bytes begin = cell->at, end = begin + cell->length;
    if (cell->length > LISTED)
        return;
    while (begin < end && strchr(" \t\n\r\v\f", *begin) && *begin)
        begin++;
    while (begin < end && strchr(" \t\n\r\v\f", end[-1]) && end[-1])
        end--;
    for (bytes at = begin; at < end && !cell->is_short; at++)
        cell->is_short = *at >= 0x80 || *at == '\n' || (*at && strchr(",;|{}[", *at));
    if (cell->is_short)
        return;
    while (begin < end && kind[end[-1]] == SLASH)
        end--;
    bytes last = end;
    while (begin < last && kind[last[-1]] != SLASH)
        last--;
    size_t length = (size_t)(end - last);
    if (length > STEM_MOST)
        return;
    for (size_t at = 0; at < length; at++)
        stem[at] = lower[last[at]];
    int is_sentence = last > begin && memchr(begin, ' ', (size_t)(last - begin)) != NULL; /* that ends in a path */
    mark_as(texts->tables[STEMS], stem, length, is_sentence ? SEEN : MARKS);
}

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
    cell->is_short |= cell->whole && length <= LISTED; /* it may be a digest or a UUID */
    if (cell->whole)
        return;
    strike_coded(texts, at, length);
    cell->is_mail = is_mail(at, length);
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

/* Return the cells of which something was said. */
static PyObject *chosen(PyObject *list, const struct cell *cells, Py_ssize_t count, size_t what) {
    PyObject *found = PyList_New(0);
    for (Py_ssize_t at = 0; found && at < count; at++)
        if (*(const int *)((const char *)&cells[at] + what) && PyList_Append(found, PyList_GetItem(list, at)) < 0)
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
            result = Py_BuildValue("(nNNNNNNNNN)", (Py_ssize_t)size, taken(&texts->escaped), taken(&texts->sure), taken(&texts->odd),
                                   taken(&texts->encoded), taken(&texts->numbers), taken(&texts->coded),
                                   chosen(list, cells, count, offsetof(struct cell, whole)),
                                   chosen(list, cells, count, offsetof(struct cell, is_short)),
                                   chosen(list, cells, count, offsetof(struct cell, is_mail)));
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
    free(texts->sure.bytes);
    free(texts->odd.bytes);
    free(texts->encoded.bytes);
    free(texts->numbers.bytes);
    free(texts->coded.bytes);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(strike_doc,
             "strike(cells) -> (size, escaped, sure, odd, encoded, numbers, coded, whole, short, mails)\n\n"
             "Strike what the cells, a list of bytes, plainly name. What is left to the caller: words with escapes, those\n"
             "of them that are values of their own,\n"
             "odd words, paths with escapes, lines of numbers, texts in base64, cells to be read as a whole, cells\n"
             "that may be a name's stem, and cells in quoted-printable.");

static PyMethodDef texts_methods[] = {{"strike", texts_strike, METH_O, strike_doc},
                                      {"forget", texts_forget, METH_NOARGS, "Hand everything over anew."},
                                      {NULL, NULL, 0, NULL}};

static PyType_Slot texts_slots[] = {{Py_tp_dealloc, texts_dealloc}, {Py_tp_new, PyType_GenericNew},
                                    {Py_tp_init, texts_init},       {Py_tp_methods, texts_methods},
                                    {Py_tp_doc, "Texts(tables, folds, longest, wide_endings, wide_leaves, numeric, wide_paths)"},
                                    {0, NULL}};

PyType_Spec texts_spec = {"dvornik.references._inner.Texts", sizeof(struct texts), 0, Py_TPFLAGS_DEFAULT, texts_slots};
