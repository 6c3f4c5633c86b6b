/* Keys: keys.py's in C. */

#include "_inner.h"

PyTypeObject *keys_type;
uint64_t salt[3];

int add_key(struct keys *keys, uint64_t hash) {
    if (keys->count == keys->room) {
        size_t room = keys->room ? keys->room * 2 : 1024;
        uint64_t *added = realloc(keys->added, room * sizeof *added);
        if (!added)
            return -1;
        keys->added = added;
        keys->room = room;
    }
    keys->added[keys->count++] = hash;
    return 0;
}

/* Turn the list into a table a third larger; it is about five bytes a key. */
int seal(struct keys *keys) {
    if (keys->slots)
        return 0;
    keys->size = keys->count + keys->count / 3 + 16;
    keys->slots = calloc(keys->size, sizeof *keys->slots);
    if (!keys->slots) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t at = 0; at < keys->count; at++) {
        uint32_t *slot = slot_of(keys, keys->added[at]);
        *slot = *slot ? *slot | AGAIN : tag_of(keys->added[at]);
    }
    free(keys->added);
    keys->added = NULL;
    return 0;
}

static void keys_dealloc(PyObject *self) {
    struct keys *keys = (void *)self;
    PyTypeObject *type = Py_TYPE(self);
    free(keys->added);
    free(keys->slots);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static Py_ssize_t keys_length(PyObject *self) { return (Py_ssize_t)((struct keys *)self)->count; }

int text_of(PyObject *key, bytes *at, size_t *length) {
    char *begin;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(key, &begin, &size) < 0)
        return -1;
    *at = (bytes)begin;
    *length = (size_t)size;
    return 0;
}

/* Do something with each of many keys; a result of 1 puts the key into `list`, or that answer if `answers`. */
static int each(PyObject *keys, int (*act)(struct keys *, bytes, size_t), struct keys *self, PyObject *list, int answers) {
    PyObject *all = PyObject_GetIter(keys), *key;
    int result = all ? 0 : -1;
    while (!result && (key = PyIter_Next(all))) {
        bytes at;
        size_t length;
        int answer = text_of(key, &at, &length) < 0 ? -1 : act(self, at, length);
        if (answer < 0)
            result = -1;
        else if (answers)
            result = PyList_Append(list, answer ? Py_True : Py_False);
        else if (answer)
            result = PyList_Append(list, key);
        Py_DECREF(key);
    }
    Py_XDECREF(all);
    return result < 0 || PyErr_Occurred() ? -1 : 0;
}

static int act_add(struct keys *keys, bytes at, size_t length) {
    if (!add_key(keys, hash_of(at, length)))
        return 0;
    PyErr_NoMemory();
    return -1;
}
static int act_mark(struct keys *keys, bytes at, size_t length) { return !mark(keys, at, length); }
static int act_mark_known(struct keys *keys, bytes at, size_t length) { return !mark_as(keys, at, length, MARKS); }
static int act_seen(struct keys *keys, bytes at, size_t length) { return has_seen(keys, at, length); }

static PyObject *keys_add_all(PyObject *self, PyObject *keys) {
    if (((struct keys *)self)->slots)
        return PyErr_Format(PyExc_RuntimeError, "keys are added before any is looked up");
    return each(keys, act_add, (void *)self, NULL, 0) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *listed(PyObject *self, PyObject *keys, int (*act)(struct keys *, bytes, size_t), int answers) {
    PyObject *list = seal((void *)self) < 0 ? NULL : PyList_New(0);
    if (list && each(keys, act, (void *)self, list, answers) < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *keys_mark_all(PyObject *self, PyObject *keys) { return listed(self, keys, act_mark, 0); }
static PyObject *keys_mark_known(PyObject *self, PyObject *keys) { return listed(self, keys, act_mark_known, 0); }
static PyObject *keys_seen_all(PyObject *self, PyObject *keys) { return listed(self, keys, act_seen, 1); }

static int one(PyObject *self, PyObject *key, int (*ask)(const struct keys *, bytes, size_t)) {
    bytes at;
    size_t length;
    return seal((void *)self) < 0 || text_of(key, &at, &length) < 0 ? -1 : ask((void *)self, at, length);
}

static PyObject *keys_marked(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyLong_FromSize_t(((struct keys *)self)->marked);
}

static PyObject *truth(int answer) { return answer < 0 ? NULL : PyBool_FromLong(answer); }
static int has_known(const struct keys *keys, bytes at, size_t length) {
    return (marks_on(keys, at, length) & KNOWN) != 0;
}
static PyObject *keys_known(PyObject *self, PyObject *key) { return truth(one(self, key, has_known)); }
static PyObject *keys_mark(PyObject *self, PyObject *key) { return truth(one(self, key, mark)); }
static PyObject *keys_seen(PyObject *self, PyObject *key) { return truth(one(self, key, has_seen)); }
static PyObject *keys_again(PyObject *self, PyObject *key) { return truth(one(self, key, was_again)); }
static int keys_contains(PyObject *self, PyObject *key) { return one(self, key, holds); }

static PyObject *keys_forget(PyObject *self, PyObject *unused) {
    (void)unused;
    struct keys *keys = (void *)self;
    for (size_t at = 0; keys->slots && at < keys->size; at++)
        keys->slots[at] &= ~(uint32_t)MARKS;
    keys->marked = 0;
    return Py_NewRef(Py_None);
}

static PyMethodDef keys_methods[] = {{"add_all", keys_add_all, METH_O, "Add many; before any is looked up."},
                                     {"mark", keys_mark, METH_O, "Mark as seen; tell whether it had been added."},
                                     {"mark_all", keys_mark_all, METH_O, "Mark many; return those never added."},
                                     {"mark_known", keys_mark_known, METH_O, "Mark many as known, and seen; as mark_all."},
                                     {"known", keys_known, METH_O, "Tell whether it was marked as known."},
                                     {"seen", keys_seen, METH_O, "Tell whether it was added and marked."},
                                     {"again", keys_again, METH_O, "Tell whether it was added more than once."},
                                     {"seen_all", keys_seen_all, METH_O, "Tell so of each."},
                                     {"marked", keys_marked, METH_NOARGS, "How many different ones were marked."},
                                     {"forget", keys_forget, METH_NOARGS, "Take every mark away."},
                                     {NULL, NULL, 0, NULL}};

static PyType_Slot keys_slots[] = {{Py_tp_dealloc, keys_dealloc},     {Py_tp_new, PyType_GenericNew},
                                   {Py_sq_length, keys_length},       {Py_sq_contains, keys_contains},
                                   {Py_tp_methods, keys_methods},     {Py_tp_doc, "keys.py's Keys, five bytes a key."},
                                   {0, NULL}};

PyType_Spec keys_spec = {"dvornik.references._inner.Keys", sizeof(struct keys), 0, Py_TPFLAGS_DEFAULT, keys_slots};
