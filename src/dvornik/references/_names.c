/* A directory's names: taken apart as Names.add does, where they are one ASCII token each; values that are paths. */

#include "_inner.h"

#define NAME 1024

struct name {
    unsigned char folded[2 * NAME]; /* behind the directory's */
    size_t prefix, length;          /* of the directory, of all */
    size_t token, token_end, stem;  /* where the token lies, and where the stem ends; 0 for none */
    unsigned char other[40];        /* a UUID without its dashes, or with them */
    size_t other_length;
    bytes letters; /* as they stand */
};

/* Write a UUID's other form, without its dashes or with them; return its length, 0 where it is none: stems.stems. */
static size_t other_uuid(bytes at, size_t length, unsigned char *other) {
    size_t next = 0;
    for (size_t here = 0; here < length && (length == 36 || length == 32); here++) {
        int dashed = length == 36 && (here == 8 || here == 13 || here == 18 || here == 23);
        if (dashed ? at[here] != '-' : !((at[here] >= '0' && at[here] <= '9') || (at[here] >= 'a' && at[here] <= 'f')))
            return 0;
        if (length == 32 && (here == 8 || here == 12 || here == 16 || here == 20))
            other[next++] = '-';
        if (!dashed)
            other[next++] = at[here];
    }
    return next;
}

/* Tell whether a UUID is part of a longer stem; such a name is Python's. */
static int has_uuid_within(bytes at, size_t length, unsigned char *room) {
    for (size_t here = 8; length > 36 && here + 28 <= length; here++)
        if (at[here] == '-' && at[here + 5] == '-' && other_uuid(at + here - 8, 36, room))
            return 1;
    return 0;
}

/* Tell whether it may be a ULID; such a name is Python's: stems.identifiers. */
static int may_be_ulid(bytes at, size_t length) {
    size_t here = 0;
    while (here < length && at[here] < 0x80 && is_alnum(at[here]))
        here++;
    return length == 26 && here == length && at[0] >= '0' && at[0] < '8';
}

/* Take a name apart as Names.add does; 0 where it is none of one ASCII token with a dot, or holds a UUID and more. */
static int parse(struct name *name, PyObject *text) {
    Py_ssize_t size;
    const char *letters = PyUnicode_AsUTF8AndSize(text, &size);
    if (!letters || size > NAME) {
        PyErr_Clear(); /* halves of surrogate pairs: bytes that are no UTF-8 */
        return 0;
    }
    unsigned char *folded = name->folded + name->prefix;
    name->letters = (bytes)letters;
    size_t length = (size_t)size, begin = 0, end = length, dot = length;
    for (size_t at = 0; at < length; at++) {
        folded[at] = lower[(unsigned char)letters[at]];
        if (folded[at] >= 0x80 || folded[at] == '\n')
            return 0;
    }
    while (begin < end && !is_alnum(folded[begin]))
        begin++;
    while (begin < end && !is_alnum(folded[end - 1]))
        end--;
    int has_dot = 0;
    for (size_t at = begin; at < end; at++) {
        has_dot |= folded[at] == '.';
        if (!in_word(folded[at]))
            return 0;
    }
    if (!has_dot)
        return 0;
    int digits = 1;
    while (folded[--dot] != '.')
        ;
    for (size_t at = 0; at < dot; at++)
        digits &= folded[at] >= '0' && folded[at] <= '9';
    name->length = name->prefix + length;
    name->token = name->prefix + begin;
    name->token_end = name->prefix + end;
    name->stem = digits || dot > STEM_MOST ? 0 : dot;
    name->other_length = name->stem ? other_uuid(folded, dot, name->other) : 0;
    return !has_uuid_within(folded, dot, name->other) && !may_be_ulid(folded, dot);
}

struct named {
    struct keys *tokens, *paths, *stems;
    struct name name;
};

static int add_name(struct named *named) {
    const struct name *name = &named->name;
    const unsigned char *folded = name->folded;
    return add_key(named->paths, hash_of(folded, name->length)) < 0 ||
                   add_key(named->tokens, hash_of(folded + name->token, name->token_end - name->token)) < 0 ||
                   (name->stem && add_key(named->stems, hash_of(folded + name->prefix, name->stem)) < 0) ||
                   (name->other_length && add_key(named->stems, hash_of(name->other, name->other_length)) < 0)
               ? -1
               : 0;
}

/* Return how a name is marked by anything that names it: SEEN, KNOWN. */
static uint32_t marks_of(struct named *named) {
    const struct name *name = &named->name;
    const unsigned char *folded = name->folded;
    uint32_t marks = marks_on(named->paths, folded, name->length) |
                     marks_on(named->tokens, folded + name->token, name->token_end - name->token);
    if (name->stem)
        marks |= marks_on(named->stems, folded + name->prefix, name->stem);
    if (name->other_length)
        marks |= marks_on(named->stems, name->other, name->other_length);
    return marks;
}

/* Put the token's ending, from its last dot on, into the set, unless it is one of the latest. */
static int note_tail(const struct name *name, PyObject *tails, uint64_t *known) {
    size_t dot = name->token_end;
    while (name->folded[--dot] != '.')
        ;
    uint64_t hash = hash_of(name->folded + dot, name->token_end - dot);
    if (known[hash % 64] == hash)
        return 0;
    known[hash % 64] = hash;
    PyObject *tail = PyBytes_FromStringAndSize((const char *)name->folded + dot, (Py_ssize_t)(name->token_end - dot));
    int status = tail ? PySet_Add(tails, tail) : -1;
    Py_XDECREF(tail);
    return status;
}

static int take_apart(PyObject *arguments, struct named *named, PyObject **names, PyObject **tails) {
    const char *prefix;
    Py_ssize_t length;
    PyObject *tokens, *paths, *stems;
    if (!PyArg_ParseTuple(arguments, "O!O!O!y#O!|O!", keys_type, &tokens, keys_type, &paths, keys_type, &stems, &prefix,
                          &length, &PyList_Type, names, &PySet_Type, tails))
        return -1;
    named->tokens = (void *)tokens;
    named->paths = (void *)paths;
    named->stems = (void *)stems;
    named->name.prefix = (size_t)length;
    if (length <= NAME)
        memcpy(named->name.folded, prefix, (size_t)length);
    return 0;
}

PyDoc_STRVAR(add_names_doc, "add_names(tokens, paths, stems, prefix, names, tails) -> (longest, uuids, rest)\n\n"
                            "Add what is plain of one directory's names; `tails` receives the tokens' endings. Whether"
                            " any stem is a UUID.");

static PyObject *add_names(PyObject *module, PyObject *arguments) {
    (void)module;
    struct named named;
    PyObject *names, *tails = NULL;
    uint64_t known[64] = {0};
    size_t longest = 0, uuids = 0;
    if (take_apart(arguments, &named, &names, &tails) < 0)
        return NULL;
    if (!tails || named.tokens->slots || named.paths->slots || named.stems->slots)
        return PyErr_Format(PyExc_RuntimeError, "names are added before any is looked up");
    PyObject *rest = PyList_New(0);
    for (Py_ssize_t at = 0; rest && at < PyList_Size(names); at++) {
        PyObject *text = PyList_GetItem(names, at);
        if (named.name.prefix > NAME || !parse(&named.name, text)) {
            if (PyList_Append(rest, text) < 0)
                Py_CLEAR(rest);
            continue;
        }
        if (named.name.token_end - named.name.token > longest)
            longest = named.name.token_end - named.name.token;
        uuids |= named.name.other_length;
        if (add_name(&named) < 0) {
            PyErr_NoMemory();
            Py_CLEAR(rest);
        } else if (note_tail(&named.name, tails, known) < 0)
            Py_CLEAR(rest);
    }
    return rest ? Py_BuildValue("(nNN)", (Py_ssize_t)longest, PyBool_FromLong(uuids != 0), rest) : NULL;
}

PyDoc_STRVAR(unused_doc, "unused(tokens, paths, stems, prefix, names) -> (unused, kinds, rest)\n\n"
                         "Return the plain ones of one directory's names that nothing named, those not plain, and of each\n"
                         "kind of the plain ones (kinds.py) how many files there are and how many of them are known.");

#define KINDS 64 /* of one directory, at a time */

/* How many files of one kind there are, and how many of them are known. */
struct kind {
    unsigned char key[KIND_MOST];
    size_t length;
    Py_ssize_t files, known;
};

/* Put what was counted into the list, and begin anew. */
static int put_kinds(struct kind *kinds, size_t *count, PyObject *list) {
    int status = 0;
    for (size_t at = 0; !status && at < *count; at++) {
        PyObject *item = Py_BuildValue("(s#nn)", (const char *)kinds[at].key, (Py_ssize_t)kinds[at].length, kinds[at].files,
                                       kinds[at].known);
        status = item ? PyList_Append(list, item) : -1;
        Py_XDECREF(item);
    }
    *count = 0;
    return status;
}

static int count_kind(const struct name *name, uint32_t marks, struct kind *kinds, size_t *count, PyObject *list) {
    struct kind kind;
    size_t at = 0;
    kind.length = kind_of(name->letters, name->length - name->prefix, kind.key);
    while (at < *count && (kinds[at].length != kind.length || memcmp(kinds[at].key, kind.key, kind.length)))
        at++;
    if (at == *count) {
        if (at == KINDS && put_kinds(kinds, count, list) < 0)
            return -1;
        at = (*count)++;
        kind.files = kind.known = 0;
        kinds[at] = kind;
    }
    kinds[at].files++;
    kinds[at].known += (marks & KNOWN) != 0;
    return 0;
}

static PyObject *unused(PyObject *module, PyObject *arguments) {
    (void)module;
    struct named named;
    struct kind kinds[KINDS];
    size_t count = 0;
    PyObject *names, *tails;
    if (take_apart(arguments, &named, &names, &tails) < 0 || seal(named.tokens) < 0 || seal(named.paths) < 0 ||
        seal(named.stems) < 0)
        return NULL;
    PyObject *found = PyList_New(0), *list = PyList_New(0), *rest = PyList_New(0);
    int failed = !found || !list || !rest;
    for (Py_ssize_t at = 0; !failed && at < PyList_Size(names); at++) {
        PyObject *text = PyList_GetItem(names, at);
        if (named.name.prefix > NAME || !parse(&named.name, text)) {
            failed = PyList_Append(rest, text) < 0;
            continue;
        }
        uint32_t marks = marks_of(&named);
        failed = (!(marks & SEEN) && PyList_Append(found, text) < 0) || count_kind(&named.name, marks, kinds, &count, list) < 0;
    }
    if (!failed && put_kinds(kinds, &count, list) == 0)
        return Py_BuildValue("(NNN)", found, list, rest);
    Py_XDECREF(found);
    Py_XDECREF(list);
    Py_XDECREF(rest);
    return NULL;
}

PyDoc_STRVAR(akin_doc, "akin(tokens, paths, stems, prefix, names) -> names\n\n"
                       "Return those of one directory's names that another listed one may be akin to: Companions.");

/* Tell whether a part of the name, up to a mark, is another's stem or, in its own directory, its name. */
static int has_kin(const struct named *named, size_t begin, size_t end, int is_own) {
    bytes at = named->name.folded + named->name.prefix;
    while (end > begin && !is_alnum(at[end - 1]) && !is_own)
        end--;
    if (end == begin)
        return 0;
    return is_own ? was_again(named->stems, at + begin, end - begin) : holds(named->stems, at + begin, end - begin);
}

static int is_akin(struct named *named, PyObject *text) {
    Py_ssize_t size;
    const char *letters = PyUnicode_AsUTF8AndSize(text, &size);
    unsigned char *at = named->name.folded + named->name.prefix;
    if (!letters || size > NAME || named->name.prefix > NAME) {
        PyErr_Clear();
        return 1;
    }
    size_t length = (size_t)size, first = length, last = length, digits = 1;
    for (size_t here = 0; here < length; here++) {
        at[here] = lower[(unsigned char)letters[here]];
        if (at[here] >= 0x80)
            return 1;
        if (at[here] == '.')
            last = here;
        if (first == length && !is_alnum(at[here]))
            first = here;
    }
    for (size_t here = 0; here < last; here++)
        digits &= at[here] >= '0' && at[here] <= '9';
    if (digits)
        return 1; /* numbers stand in no table */
    for (size_t here = 1; here < length; here++) {
        if (is_alnum(at[here]))
            continue;
        if (has_kin(named, 0, here, here == last))
            return 1;
        if (at[here] == '.' && (holds(named->paths, named->name.folded, named->name.prefix + here) ||
                                (first + 1 < here && has_kin(named, first + 1, here, 0))))
            return 1;
    }
    return first + 1 < length && has_kin(named, first + 1, length, 0);
}

static PyObject *akin(PyObject *module, PyObject *arguments) {
    (void)module;
    struct named named;
    PyObject *names, *tails;
    if (take_apart(arguments, &named, &names, &tails) < 0 || seal(named.paths) < 0 || seal(named.stems) < 0)
        return NULL;
    PyObject *found = PyList_New(0);
    for (Py_ssize_t at = 0; found && at < PyList_Size(names); at++) {
        PyObject *text = PyList_GetItem(names, at);
        if (is_akin(&named, text) && PyList_Append(found, text) < 0)
            Py_CLEAR(found);
    }
    return found;
}

PyDoc_STRVAR(mark_paths_doc, "mark_paths(paths, prefixes, values) -> rest\n\n"
                             "Mark the values that are listed paths as they stand; return those that may need more.");

static int is_listed(const struct keys *paths, const char *prefixes, PyObject *value) {
    Py_ssize_t size;
    const char *letters = PyUnicode_AsUTF8AndSize(value, &size);
    unsigned char folded[NAME];
    if (!letters || size > NAME) {
        PyErr_Clear();
        return 0;
    }
    for (Py_ssize_t at = 0; at < size; at++) {
        folded[at] = lower[(unsigned char)letters[at]];
        if (folded[at] >= 0x80 || look[folded[at]] >= ESCAPE || folded[at] == '?' || folded[at] == '#')
            return 0; /* it may be read in several ways */
    }
    for (; *prefixes; prefixes += strlen(prefixes) + 1) {
        size_t length = strlen(prefixes);
        if ((size_t)size > length && letters[length] == '/' && !memcmp(prefixes, letters, length))
            return 0;
    }
    return mark_as(paths, folded, (size_t)size, MARKS);
}

static PyObject *mark_paths(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *paths, *values;
    const char *prefixes;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(arguments, "O!y#O!", keys_type, &paths, &prefixes, &length, &PyList_Type, &values) ||
        seal((void *)paths) < 0)
        return NULL;
    PyObject *rest = PyList_New(0);
    for (Py_ssize_t at = 0; rest && at < PyList_Size(values); at++) {
        PyObject *value = PyList_GetItem(values, at);
        if (!is_listed((void *)paths, prefixes, value) && PyList_Append(rest, value) < 0)
            Py_CLEAR(rest);
    }
    return rest;
}

PyDoc_STRVAR(telling_doc, "telling(names) -> those in which anything may be a thumbnailer's: derivatives._tells, or more");

/* Tell whether a part of a name, between dashes and underscores, is a thumbnailer's word. */
static int is_telling(const char *part, size_t length) {
    static const char *const words[] = {"thumb", "thumbnail", "small",  "medium",  "large", "big", "preview",
                                        "mini",  "square",    "scaled", "rotated", "admin", "pdf"};
    for (size_t at = 0; length > 2 && at < sizeof words / sizeof *words; at++) {
        size_t letter = 0;
        while (letter < length && words[at][letter] == (char)lower[(unsigned char)part[letter]])
            letter++;
        if (letter == length && !words[at][letter])
            return 1;
    }
    return 0;
}

static int is_digit(char letter) { return letter >= '0' && letter <= '9'; }

static int tells(const char *name) {
    size_t length = strlen(name), part = 0, hex = 0;
    const char *end = strrchr(name, '.');
    if (end && (end[-(end > name)] == 'w' || lower[(unsigned char)end[1]] == 'w' || lower[(unsigned char)end[1]] == 'a'))
        return 1; /* 800w.jpg, .webp, .avif */
    for (size_t at = 0; at < length; at++) {
        char letter = (char)lower[(unsigned char)name[at]], next = name[at + 1];
        int ends = letter == '-' || letter == '_' || letter == '.';
        hex = letter == '-' ? 1 : hex && (is_digit(letter) || (letter >= 'a' && letter <= 'f')) ? hex + 1 : 0;
        if (letter == '@' || (letter == '_' && next == '_') || (letter == '.' && name + at != end) || hex == 17 ||
            (letter == 'x' && at && is_digit(name[at - 1]) && is_digit(next)) ||
            (letter == 'e' && at && name[at - 1] == '-' && is_digit(next)) || (ends && is_telling(name + part, at - part)))
            return 1;
        if (ends)
            part = at + 1;
    }
    return 0;
}

static PyObject *telling(PyObject *module, PyObject *names) {
    (void)module;
    Py_ssize_t count = PyList_Size(names);
    PyObject *found = count < 0 ? NULL : PyList_New(0);
    for (Py_ssize_t at = 0; found && at < count; at++) {
        PyObject *text = PyList_GetItem(names, at);
        const char *name = PyUnicode_AsUTF8AndSize(text, NULL);
        if (!name)
            PyErr_Clear();
        if ((!name || tells(name)) && PyList_Append(found, text) < 0)
            Py_CLEAR(found);
    }
    return found;
}

PyDoc_STRVAR(kind_of_doc, "kind_of(name) -> its kind, as kinds.kind_of; None of a name that is not ASCII");

static PyObject *name_kind(PyObject *module, PyObject *text) {
    (void)module;
    unsigned char kind[KIND_MOST];
    Py_ssize_t size;
    const char *letters = PyUnicode_AsUTF8AndSize(text, &size);
    if (!letters)
        PyErr_Clear();
    for (Py_ssize_t at = 0; letters && at < size; at++)
        if ((unsigned char)letters[at] >= 0x80)
            letters = NULL;
    if (!letters)
        return Py_NewRef(Py_None);
    return PyUnicode_FromStringAndSize((const char *)kind, (Py_ssize_t)kind_of((bytes)letters, (size_t)size, kind));
}

PyMethodDef names_methods[] = {{"kind_of", name_kind, METH_O, kind_of_doc},
                                {"add_names", add_names, METH_VARARGS, add_names_doc},
                                {"unused", unused, METH_VARARGS, unused_doc},
                                {"akin", akin, METH_VARARGS, akin_doc},
                                {"telling", telling, METH_O, telling_doc},
                                {"mark_paths", mark_paths, METH_VARARGS, mark_paths_doc},
                                {NULL, NULL, 0, NULL}};
