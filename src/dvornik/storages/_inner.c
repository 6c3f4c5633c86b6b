/* The inner loops of a scan and of a deletion, outside the interpreter lock.
 *
 * Nothing here decides against a file or gives one back. What is not plainly as it was seen is left where it is and
 * named to the caller, whose Python, the reference of both loops, judges it (walk.py, claims.py). The same contract
 * tests run with and without this module.
 */

#include "_inner.h"

static PyMethodDef methods[] = {{"take", take, METH_VARARGS, take_doc}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "dvornik.storages._inner",
                                        "Inner loops of listing and taking, outside the lock.",
                                        -1,
                                        methods,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

PyMODINIT_FUNC PyInit__inner(void) {
    PyObject *module = PyModule_Create(&definition);
    PyObject *reader_type = PyType_FromSpec(&reader_spec);
    if (!module || !reader_type || PyModule_AddObjectRef(module, "Reader", reader_type) < 0)
        Py_CLEAR(module);
    Py_XDECREF(reader_type);
    return module;
}
