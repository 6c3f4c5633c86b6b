/* Listing: walk.py's look at a directory in C, by a thread of its own while the last part is being judged. */

#include "_inner.h"

#include <pthread.h>
#include <signal.h>

#define BUFFER (96 * 1024)
#define SHORTEST 24  /* bytes of the shortest entry that getdents64(2) writes: its header and a name, in words */
#define LONGEST 4096 /* more than any entry has */

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

/* ---- reading ahead ---- */

struct reader {
    PyObject_HEAD
    int with_times, by_mtime;
    int is_begun; /* and its rows not yet asked for: the interpreter's threads alone look here */
    int directory, error, is_last, count;
    char *buffer;
    struct row *rows; /* their names lie in the buffer */
    enum { READ, ASKED, READING } phase;
    int ends, has_thread;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* Read on in the open directory until the buffer is full or the directory ends. */
static void read_part(struct reader *reader) {
    size_t used = 0;
    reader->count = reader->error = reader->is_last = 0;
    while (!reader->is_last && BUFFER - used >= LONGEST) {
        char *begin = reader->buffer + used;
        long length = syscall(SYS_getdents64, reader->directory, begin, BUFFER - used);
        if (length < 0 && errno == ENOENT)
            length = 0; /* the directory itself was removed meanwhile: as readdir(3), this is the end */
        if (length < 0) {
            reader->error = errno;
            return;
        }
        for (long at = 0; at < length;) {
            const struct directory_entry *entry = (void *)(begin + at);
            reader->count += look(reader->directory, entry, reader->with_times, &reader->rows[reader->count]);
            at += entry->length;
        }
        used += (size_t)length;
        reader->is_last = !length;
    }
}

static void *read_parts(void *self) {
    struct reader *reader = self;
    pthread_mutex_lock(&reader->mutex);
    while (!reader->ends) {
        if (reader->phase != ASKED) {
            pthread_cond_wait(&reader->changed, &reader->mutex);
            continue;
        }
        reader->phase = READING;
        pthread_mutex_unlock(&reader->mutex);
        read_part(reader);
        pthread_mutex_lock(&reader->mutex);
        reader->phase = READ;
        pthread_cond_broadcast(&reader->changed);
    }
    pthread_mutex_unlock(&reader->mutex);
    return NULL;
}

/* Wait for what was asked for; nobody has begun with it where there is no thread, or one that is slow to wake. */
static void finish(struct reader *reader) {
    pthread_mutex_lock(&reader->mutex);
    if (reader->phase == ASKED) {
        reader->phase = READING;
        pthread_mutex_unlock(&reader->mutex);
        read_part(reader);
        pthread_mutex_lock(&reader->mutex);
        reader->phase = READ;
    }
    while (reader->phase == READING)
        pthread_cond_wait(&reader->changed, &reader->mutex);
    pthread_mutex_unlock(&reader->mutex);
}

/* Start a thread that signals leave alone: Python's handlers belong to the others. */
static int start(struct reader *reader) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int status = pthread_create(&reader->thread, NULL, read_parts, reader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !status;
}

static PyObject *reader_begin(PyObject *self, PyObject *descriptor) {
    struct reader *reader = (void *)self;
    long directory = PyLong_AsLong(descriptor);
    if (directory == -1 && PyErr_Occurred())
        return NULL;
    if (reader->is_begun)
        return PyErr_Format(PyExc_RuntimeError, "a part is being read");
    reader->is_begun = 1;
    if (!reader->has_thread)
        reader->has_thread = start(reader);
    pthread_mutex_lock(&reader->mutex);
    reader->directory = (int)directory;
    reader->phase = ASKED;
    pthread_cond_signal(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    return Py_NewRef(Py_None);
}

static PyObject *rows_of(const struct reader *reader) {
    struct columns columns = {PyList_New(0), PyList_New(0), PyList_New(0), PyList_New(0), PyList_New(0)};
    int failed = !columns.names || !columns.sizes || !columns.times || !columns.versions || !columns.others;
    for (int at = 0; !failed && at < reader->count; at++)
        failed = add_row(&columns, &reader->rows[at], reader->with_times, reader->by_mtime) < 0;
    PyObject *rows = failed ? NULL
                            : Py_BuildValue("(NiONNNO)", PyBool_FromLong(reader->is_last), reader->count,
                                            columns.names, PyList_AsTuple(columns.sizes), PyList_AsTuple(columns.times),
                                            PyList_AsTuple(columns.versions), columns.others);
    Py_XDECREF(columns.names);
    Py_XDECREF(columns.sizes);
    Py_XDECREF(columns.times);
    Py_XDECREF(columns.versions);
    Py_XDECREF(columns.others);
    return rows;
}

static PyObject *reader_rows(PyObject *self, PyObject *unused) {
    (void)unused;
    struct reader *reader = (void *)self;
    if (!reader->is_begun)
        return PyErr_Format(PyExc_RuntimeError, "nothing was begun");
    Py_BEGIN_ALLOW_THREADS;
    finish(reader);
    Py_END_ALLOW_THREADS;
    reader->is_begun = 0;
    if (!reader->error)
        return rows_of(reader);
    errno = reader->error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static void stop(struct reader *reader) {
    pthread_mutex_lock(&reader->mutex);
    reader->ends = 1;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    if (reader->has_thread)
        pthread_join(reader->thread, NULL);
    reader->has_thread = 0;
}

static PyObject *reader_close(PyObject *self, PyObject *unused) {
    (void)unused;
    Py_BEGIN_ALLOW_THREADS;
    stop((void *)self);
    Py_END_ALLOW_THREADS;
    return Py_NewRef(Py_None);
}

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
    static char *keywords[] = {"with_times", "by_mtime", NULL};
    int with_times, by_mtime;
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "pp:Reader", keywords, &with_times, &by_mtime))
        return NULL;
    PyObject *self = PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    struct reader *reader = (void *)self;
    reader->with_times = with_times;
    reader->by_mtime = by_mtime;
    pthread_mutex_init(&reader->mutex, NULL);
    pthread_cond_init(&reader->changed, NULL);
    reader->buffer = malloc(BUFFER);
    reader->rows = malloc(BUFFER / SHORTEST * sizeof *reader->rows);
    if (reader->buffer && reader->rows)
        return self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static void reader_dealloc(PyObject *self) {
    struct reader *reader = (void *)self;
    PyTypeObject *type = Py_TYPE(self);
    stop(reader);
    free(reader->rows);
    free(reader->buffer);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->mutex);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef reader_methods[] = {
    {"begin", reader_begin, METH_O, "Begin to read on in an open directory, which stays open until rows() or close()."},
    {"rows", reader_rows, METH_NOARGS,
     "rows() -> (is_last, passed, names, sizes, times, versions, others)\n\n"
     "Wait for what was begun. `passed` counts all entries; `others` are (name, kind, errno)."},
    {"close", reader_close, METH_NOARGS, "Wait for what is being read, and read no more."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot reader_slots[] = {{Py_tp_dealloc, reader_dealloc},
                                     {Py_tp_new, reader_new},
                                     {Py_tp_methods, reader_methods},
                                     {Py_tp_doc, "Reads a directory in parts of at most 4,096 entries, ahead."},
                                     {0, NULL}};

PyType_Spec reader_spec = {"dvornik.storages._inner.Reader", sizeof(struct reader), 0, Py_TPFLAGS_DEFAULT, reader_slots};
