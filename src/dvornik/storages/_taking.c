/* Taking: claims.py's plain way in C. */

#include "_inner.h"

#include <signal.h>
#include <stdio.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define CHUNK 128 /* files claimed before the first is verified: bounds how long one that must go back is away */

struct file {
    PyObject *encoded; /* owns the name */
    const char *name;
    uint64_t inode;
    int64_t size, modified, changed;
    dev_t device;
    int may_be_linked; /* the scan counted no bytes for it: it is empty, or has another link */
    int descriptor;    /* leased, of a claimed file; -1 otherwise */
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

/* Tell, without opening it, whether a file has another link or had one: opening a link breaks the lease on the other,
 * and claiming a link changes the time of both. The caller takes those one after the other. */
static int is_linked(int source, const struct file *file) {
    struct stat state;
    return file->may_be_linked && (fstatat(source, file->name, &state, AT_SYMLINK_NOFOLLOW) < 0 ||
                                   state.st_nlink != 1 || nanoseconds(state.st_ctim) != file->changed);
}

/* Hold the file by a write lease and rename it into the private directory; else leave it alone. */
static int claim(int source, int private, struct file *file) {
    struct stat state;
    int descriptor =
        is_linked(source, file) ? -1 : openat(source, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    /* Looked at under the lease: whoever wrote before has closed it, and nobody can open it unnoticed. */
    if (fcntl(descriptor, F_SETSIG, SIGURG) < 0 || fcntl(descriptor, F_SETLEASE, F_WRLCK) < 0 ||
        fstat(descriptor, &state) < 0 || !is_seen(file, &state) || nanoseconds(state.st_ctim) != file->changed ||
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

/* Turn names, versions and sizes into C's; what cannot be is left without a name, for the caller to judge. */
static struct file *files_of(PyObject *names, PyObject *versions, PyObject *sizes, Py_ssize_t count) {
    struct file *files = calloc((size_t)count + 1, sizeof *files);
    if (!files) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        struct file *file = &files[at];
        const char *version = PyUnicode_AsUTF8AndSize(PyList_GetItem(versions, at), NULL);
        file->descriptor = -1;
        file->may_be_linked = PyObject_Not(PyList_GetItem(sizes, at));
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

const char take_doc[] =
    "take(source, private, names, versions, sizes, in_place, keep, unsure, claimed) -> (done, bytes, judged)\n\n"
    "Claim the files of the directory `source` into `private`, a chunk at a time; verify, and remove (or\n"
    "keep there) those that plainly are as they were seen. Of `sizes` only matters which are 0. `unsure` receives the indices of files left\n"
    "alone, `claimed` (index, leased descriptor) of those claimed and not settled. `judged` counts those\n"
    "before the chunk after whose claim `in_place()` said no.";

PyObject *take(PyObject *module, PyObject *arguments) {
    (void)module;
    int source, private, keep;
    PyObject *names, *versions, *sizes, *in_place, *unsure, *claimed;
    if (!PyArg_ParseTuple(arguments, "iiO!O!O!OpO!O!:take", &source, &private, &PyList_Type, &names, &PyList_Type,
                          &versions, &PyList_Type, &sizes, &in_place, &keep, &PyList_Type, &unsure, &PyList_Type, &claimed))
        return NULL;
    Py_ssize_t count = PyList_Size(names), judged = 0;
    if (count != PyList_Size(versions) || count != PyList_Size(sizes)) {
        PyErr_SetString(PyExc_ValueError, "names, versions and sizes differ in length");
        return NULL;
    }
    struct file *files = files_of(names, versions, sizes, count);
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
