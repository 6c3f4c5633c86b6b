/* What listing and taking share. */

#define _GNU_SOURCE
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNIT 512 /* of st_blocks, stat(2) */

extern PyType_Spec reader_spec;
PyObject *take(PyObject *module, PyObject *arguments);
extern const char take_doc[];

static inline int64_t nanoseconds(struct timespec time) { return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec; }

/* What deleting gives back: the blocks of the last link. */
static inline int64_t bytes_of(const struct stat *state) {
    return state->st_nlink == 1 ? (int64_t)state->st_blocks * UNIT : 0;
}

/* Append a new reference, which may be NULL after an error. */
static inline int add(PyObject *list, PyObject *item) {
    int status = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return status;
}
