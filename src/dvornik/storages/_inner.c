/* The inner loops of a scan and of a deletion, outside the interpreter lock.
 *
 * Nothing here decides against a file or gives one back. What is not plainly as it was seen is left where it is and
 * named to the caller, whose Python, the reference of both loops, judges it (walk.py, claims.py). The same contract
 * tests run with and without this module.
 */

#define _GNU_SOURCE
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define BUFFER (64 * 1024)
#define SHORTEST 24 /* bytes of the shortest entry that getdents64(2) writes: its header and a name, in words */
#define CHUNK 128   /* files claimed before the first is verified: bounds how long one that must go back is away */
#define UNIT 512    /* of st_blocks, stat(2) */

static int64_t nanoseconds(struct timespec time) { return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec; }

/* What deleting gives back: the blocks of the last link. */
static int64_t bytes_of(const struct stat *state) { return state->st_nlink == 1 ? (int64_t)state->st_blocks * UNIT : 0; }

/* ---- listing ---- */

struct directory_entry { /* linux_dirent64 of getdents64(2) */
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

struct row {
    const char *name;
    char kind; /* f: a regular file; d, l: directory, symlink; s: anything else; c: not a file any more; e: error */
    int error;
    struct stat state;
};

static char kind_of(mode_t mode) {
    return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 's';
}

static char kind_of_type(unsigned char type) {
    return type == 8 ? 'f' : type == 4 ? 'd' : type == 10 ? 'l' : type == 0 ? '?' : 's'; /* DT_* of readdir(3) */
}

/* Look at one entry; 0 for what has vanished or is no entry at all. */
static int look(int directory, const struct directory_entry *entry, int with_times, struct row *row) {
    const char *name = entry->name;
    if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
        return 0;
    row->name = name;
    row->kind = kind_of_type(entry->type);
    if (row->kind != '?' && !(row->kind == 'f' && with_times))
        return 1;
    if (fstatat(directory, name, &row->state, AT_SYMLINK_NOFOLLOW) < 0) {
        row->error = errno;
        row->kind = 'e';
        return errno != ENOENT;
    }
    char now = kind_of(row->state.st_mode);
    row->kind = row->kind == 'f' && now != 'f' ? 'c' : now;
    return 1;
}

/* Write a number at `end` and return where it stops. */
static char *digits(char *end, int64_t value) {
    char reversed[24];
    int count = 0;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        reversed[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *end++ = '-';
    while (count)
        *end++ = reversed[--count];
    return end;
}

/* Return which state was seen, in the form of walk.version. */
static PyObject *version_of(const struct stat *state) {
    char text[4 * 24];
    char *end = digits(text, (int64_t)state->st_ino);
    *end++ = ':';
    end = digits(end, (int64_t)state->st_size);
    *end++ = ':';
    end = digits(end, nanoseconds(state->st_mtim));
    *end++ = ':';
    end = digits(end, nanoseconds(state->st_ctim));
    return PyUnicode_FromStringAndSize(text, end - text);
}

/* Append a new reference, which may be NULL after an error. */
static int add(PyObject *list, PyObject *item) {
    int status = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return status;
}

struct columns {
    PyObject *names, *sizes, *times, *versions, *others;
};

static int add_row(struct columns *columns, const struct row *row, int with_times, int by_mtime) {
    PyObject *name = PyUnicode_DecodeFSDefault(row->name);
    if (!name)
        return -1;
    if (row->kind != 'f' || !strncmp(row->name, ".dvornik-", 9))
        return add(columns->others, Py_BuildValue("(NCi)", name, row->kind, row->kind == 'e' ? row->error : 0));
    if (add(columns->names, name) < 0)
        return -1;
    if (!with_times)
        return 0;
    int64_t time = nanoseconds(row->state.st_mtim), changed = nanoseconds(row->state.st_ctim);
    if (changed > time && !by_mtime)
        time = changed;
    return add(columns->sizes, PyLong_FromLongLong(bytes_of(&row->state))) < 0 ||
                   add(columns->times, PyLong_FromLongLong(time)) < 0 ||
                   add(columns->versions, version_of(&row->state)) < 0
               ? -1
               : 0;
}

/* Read on in an open directory until `limit` files are listed or all are; tell how many entries were passed. */
static Py_ssize_t read_some(int directory, struct columns *columns, int limit, int with_times, int by_mtime) {
    char *buffer = malloc(BUFFER);
    struct row *rows = malloc(BUFFER / SHORTEST * sizeof *rows);
    Py_ssize_t passed = 0, length = -1;
    if (!buffer || !rows) {
        PyErr_NoMemory();
        goto end;
    }
    do {
        int count = 0;
        Py_BEGIN_ALLOW_THREADS;
        length = syscall(SYS_getdents64, directory, buffer, BUFFER);
        if (length < 0 && errno == ENOENT)
            length = 0; /* the directory itself was removed meanwhile: as readdir(3), this is the end */
        for (Py_ssize_t at = 0; at < length;) {
            const struct directory_entry *entry = (void *)(buffer + at);
            count += look(directory, entry, with_times, &rows[count]);
            at += entry->length;
        }
        Py_END_ALLOW_THREADS;
        if (length < 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            goto end;
        }
        for (int at = 0; at < count; at++)
            if (add_row(columns, &rows[at], with_times, by_mtime) < 0) {
                length = -1;
                goto end;
            }
        passed += count;
    } while (length && PyList_Size(columns->names) < limit);
end:
    free(rows);
    free(buffer);
    return length < 0 ? -1 : passed;
}

PyDoc_STRVAR(listed_doc,
             "listed(descriptor, limit, with_times, by_mtime) -> (passed, names, sizes, times, versions, others)\n\n"
             "Read on in the open directory until at least `limit` files are listed or the end is reached.\n"
             "`passed` counts all entries, 0 at the end; `others` are (name, kind, errno).");

static PyObject *listed(PyObject *module, PyObject *arguments) {
    (void)module;
    int directory, limit, with_times, by_mtime;
    if (!PyArg_ParseTuple(arguments, "iipp:listed", &directory, &limit, &with_times, &by_mtime))
        return NULL;
    struct columns columns = {PyList_New(0), PyList_New(0), PyList_New(0), PyList_New(0), PyList_New(0)};
    Py_ssize_t passed = -1;
    if (columns.names && columns.sizes && columns.times && columns.versions && columns.others)
        passed = read_some(directory, &columns, limit, with_times, by_mtime);
    PyObject *rows = passed < 0 ? NULL
                                : Py_BuildValue("(nONNNO)", passed, columns.names, PyList_AsTuple(columns.sizes),
                                                PyList_AsTuple(columns.times), PyList_AsTuple(columns.versions),
                                                columns.others);
    Py_XDECREF(columns.names);
    Py_XDECREF(columns.sizes);
    Py_XDECREF(columns.times);
    Py_XDECREF(columns.versions);
    Py_XDECREF(columns.others);
    return rows;
}

/* ---- taking ---- */

struct file {
    PyObject *encoded; /* owns the name */
    const char *name;
    uint64_t inode;
    int64_t size, modified, changed;
    dev_t device;
    int descriptor; /* leased, of a claimed file; -1 otherwise */
};

/* Split a version as walk.version writes it. */
static int parse(const char *text, struct file *file) {
    char *end;
    file->inode = strtoull(text, &end, 10);
    if (*end++ != ':')
        return -1;
    file->size = strtoll(end, &end, 10);
    if (*end++ != ':')
        return -1;
    file->modified = strtoll(end, &end, 10);
    if (*end++ != ':')
        return -1;
    file->changed = strtoll(end, &end, 10);
    return *end ? -1 : 0;
}

/* Tell whether a state is of the regular file that was seen; a rename changes its ctime and nothing else. */
static int is_seen(const struct file *file, const struct stat *state) {
    return S_ISREG(state->st_mode) && state->st_ino == file->inode && state->st_size == file->size &&
           nanoseconds(state->st_mtim) == file->modified;
}

static int move(int source, int private, const char *name) {
    if (!syscall(SYS_renameat2, source, name, private, name, RENAME_NOREPLACE))
        return 0;
    /* Absent, or filtered out: the plain call. Nobody else makes names in the private directory. */
    return errno == ENOSYS || errno == EINVAL || errno == EPERM ? renameat(source, name, private, name) : -1;
}

/* Hold the file by a write lease and rename it into the private directory; else leave it alone. */
static int claim(int source, int private, struct file *file) {
    struct stat state;
    int descriptor = openat(source, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &state) < 0 || !is_seen(file, &state) || nanoseconds(state.st_ctim) != file->changed ||
        fcntl(descriptor, F_SETSIG, SIGURG) < 0 || fcntl(descriptor, F_SETLEASE, F_WRLCK) < 0 ||
        move(source, private, file->name) < 0) {
        close(descriptor);
        return -1;
    }
    file->device = state.st_dev;
    file->descriptor = descriptor;
    return 0;
}

/* Verify a claimed file and let it go, for good unless it is kept; return its bytes, or -1 where it must be judged. */
static int64_t settle(int private, struct file *file, int keep) {
    struct stat state;
    if (fstatat(private, file->name, &state, AT_SYMLINK_NOFOLLOW) < 0 || !is_seen(file, &state) ||
        state.st_dev != file->device || fcntl(file->descriptor, F_GETLEASE) != F_WRLCK ||
        (!keep && unlinkat(private, file->name, 0) < 0))
        return -1;
    close(file->descriptor);
    file->descriptor = -1;
    return bytes_of(&state);
}

/* Turn names and versions into C's; what cannot be is left without a name, for the caller to judge. */
static struct file *files_of(PyObject *names, PyObject *versions, Py_ssize_t count) {
    struct file *files = calloc((size_t)count + 1, sizeof *files);
    if (!files) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        struct file *file = &files[at];
        const char *version = PyUnicode_AsUTF8AndSize(PyList_GetItem(versions, at), NULL);
        file->descriptor = -1;
        file->encoded = version ? PyUnicode_EncodeFSDefault(PyList_GetItem(names, at)) : NULL;
        char *name = NULL;
        if (!file->encoded || PyBytes_AsStringAndSize(file->encoded, &name, NULL) < 0)
            PyErr_Clear(); /* a NUL in the name, or no string */
        else if (*name && !strchr(name, '/') && !parse(version, file))
            file->name = name;
    }
    return files;
}

static int add_index(PyObject *list, Py_ssize_t index) { return add(list, PyLong_FromSsize_t(index)); }

struct taken {
    Py_ssize_t done;
    int64_t bytes;
};

/* Claim up to a chunk of files, ask whether the directory still is in its place, and settle them.
 * Return 1 to go on, 0 where it is not in its place, -1 with an exception. `claimed` receives what must be judged. */
static int take_chunk(int source, int private, struct file *files, Py_ssize_t first, Py_ssize_t last,
                      PyObject *in_place, int keep, PyObject *unsure, PyObject *claimed, struct taken *taken) {
    Py_BEGIN_ALLOW_THREADS;
    for (Py_ssize_t at = first; at < last; at++)
        if (files[at].name)
            claim(source, private, &files[at]);
    Py_END_ALLOW_THREADS;
    int failed = 0;
    for (Py_ssize_t at = first; at < last; at++)
        failed |= files[at].descriptor < 0 && add_index(unsure, at) < 0;
    PyObject *answer = failed ? NULL : PyObject_CallNoArgs(in_place);
    int stays = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    if (stays == 1) {
        Py_BEGIN_ALLOW_THREADS;
        for (Py_ssize_t at = first; at < last; at++) {
            int64_t bytes = files[at].descriptor < 0 ? -1 : settle(private, &files[at], keep);
            taken->done += bytes >= 0;
            taken->bytes += bytes >= 0 ? bytes : 0;
        }
        Py_END_ALLOW_THREADS;
    }
    for (Py_ssize_t at = first; at < last; at++) {
        int descriptor = files[at].descriptor;
        if (descriptor < 0)
            continue;
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace); /* the caller must learn of every claimed file, whatever happened */
        if (add(claimed, Py_BuildValue("(ni)", at, descriptor)) < 0)
            stays = -1;
        files[at].descriptor = -1;
        if (type)
            PyErr_Restore(type, value, trace);
    }
    return stays == 1 && PyErr_CheckSignals() < 0 ? -1 : stays;
}

PyDoc_STRVAR(take_doc,
             "take(source, private, names, versions, in_place, keep, unsure, claimed) -> (done, bytes, judged)\n\n"
             "Claim the files of the directory `source` into `private`, a chunk at a time; verify, and remove (or\n"
             "keep there) those that plainly are as they were seen. `unsure` receives the indices of files left\n"
             "alone, `claimed` (index, leased descriptor) of those claimed and not settled. `judged` counts those\n"
             "before the chunk after whose claim `in_place()` said no.");

static PyObject *take(PyObject *module, PyObject *arguments) {
    (void)module;
    int source, private, keep;
    PyObject *names, *versions, *in_place, *unsure, *claimed;
    if (!PyArg_ParseTuple(arguments, "iiO!O!OpO!O!:take", &source, &private, &PyList_Type, &names, &PyList_Type,
                          &versions, &in_place, &keep, &PyList_Type, &unsure, &PyList_Type, &claimed))
        return NULL;
    Py_ssize_t count = PyList_Size(names), judged = 0;
    if (count != PyList_Size(versions)) {
        PyErr_SetString(PyExc_ValueError, "names and versions differ in length");
        return NULL;
    }
    struct file *files = files_of(names, versions, count);
    if (!files)
        return NULL;
    struct taken taken = {0, 0};
    int goes_on = 1;
    while (goes_on == 1 && judged < count) {
        Py_ssize_t last = count - judged < CHUNK ? count : judged + CHUNK;
        goes_on = take_chunk(source, private, files, judged, last, in_place, keep, unsure, claimed, &taken);
        if (goes_on == 1)
            judged = last;
    }
    for (Py_ssize_t at = 0; at < count; at++)
        Py_XDECREF(files[at].encoded);
    free(files);
    return goes_on < 0 ? NULL : Py_BuildValue("(nLn)", taken.done, (long long)taken.bytes, judged);
}

static PyMethodDef methods[] = {
    {"listed", listed, METH_VARARGS, listed_doc}, {"take", take, METH_VARARGS, take_doc}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "dvornik.storages._inner", "Inner loops of listing and taking, outside the lock.", 0,
    methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__inner(void) { return PyModuleDef_Init(&definition); }
