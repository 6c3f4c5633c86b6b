/* The inner loops of the search: the table of names, and what of it a text names. The same tests run without them. */

#include "_inner.h"

unsigned char kind[256], lower[256], look[256], coarse[256], sixth[256];

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

static void make_tables(void) {
    for (int letter = 0; letter < 256; letter++) {
        int inner = letter && strchr("._-", letter);
        kind[letter] = letter >= 128                                 ? HIGH
                       : is_alnum((unsigned char)letter) || inner    ? WORD
                       : letter == '/' || letter == '\\'             ? SLASH
                       : letter && strchr("%([{+@~$!^=*", letter)    ? TAB
                                                                     : SPACE;
        lower[letter] = (unsigned char)(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
        coarse[letter] = kind[letter] >= WORD || (letter && strchr("%&;#\\{}", letter));
    }
    memset(sixth, 64, sizeof sixth);
    for (unsigned char value = 0; digits[value]; value++)
        sixth[(unsigned char)digits[value]] = value < 64 ? value : value - 2;
    look['.'] = DOT;
    look['/'] = PARTS;
    look['%'] = look['&'] = ESCAPE;
    look['\\'] = BOTH;
}

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "dvornik.references._inner",
                                        "The table of names, and what of it a text names, outside the lock.",
                                        -1,
                                        names_methods,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

/* Take three numbers from the system, by way of the standard library: the seed is no secret worth more. */
static int draw_salt(void) {
    PyObject *os = PyImport_ImportModule("os");
    PyObject *drawn = os ? PyObject_CallMethod(os, "urandom", "n", (Py_ssize_t)sizeof salt) : NULL;
    char *letters;
    Py_ssize_t size; /* asked for, since bytes may be zero */
    int status = drawn && !PyBytes_AsStringAndSize(drawn, &letters, &size) ? 0 : -1;
    if (!status)
        memcpy(salt, letters, sizeof salt);
    salt[1] |= 1;
    Py_XDECREF(os);
    Py_XDECREF(drawn);
    return status;
}

PyMODINIT_FUNC PyInit__inner(void) {
    make_tables();
    PyObject *module = PyModule_Create(&definition);
    keys_type = (PyTypeObject *)PyType_FromSpec(&keys_spec);
    PyObject *texts_type = PyType_FromSpec(&texts_spec);
    if (!module || !keys_type || !texts_type || draw_salt() < 0 ||
        PyModule_AddObjectRef(module, "Keys", (PyObject *)keys_type) < 0 ||
        PyModule_AddObjectRef(module, "Texts", texts_type) < 0)
        Py_CLEAR(module);
    Py_XDECREF(texts_type);
    return module;
}
