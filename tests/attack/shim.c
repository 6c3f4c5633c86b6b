/* Preloaded into a process, stands between it and the kernel's changes to the file system.
 *
 * SHIM holds words: `kill:N` ends the process by SIGKILL before its Nth change of a name, `end:N` before its Nth change
 * of a name or a content; `swap:NAME:FILE` renames FILE over NAME
 * right before NAME is renamed; `fail:CALL:ERRNO:NAME` lets the call fail for that name (empty: any).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static int changes, steps;

/* Find the word that begins so in SHIM and copy what follows. */
static int word(const char *start, char *rest, size_t size) {
    const char *all = getenv("SHIM");
    const char *found = all ? strstr(all, start) : NULL;
    if (!found)
        return 0;
    found += strlen(start);
    size_t length = strcspn(found, " ");
    snprintf(rest, size, "%.*s", (int)length, found);
    return 1;
}

static void reach(const char *start, int *counter) {
    char number[32];
    if (word(start, number, sizeof number) && __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST) == atoi(number))
        kill(getpid(), SIGKILL);
}

static void step(void) { reach("end:", &steps); }

static void count(void) {
    reach("kill:", &changes);
    step();
}

static const char *base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int fails(const char *call, const char *name) {
    char start[64], rest[256];
    snprintf(start, sizeof start, "fail:%s:", call);
    if (!word(start, rest, sizeof rest))
        return 0;
    char *wanted = strchr(rest, ':');
    if (wanted && wanted[1] && strcmp(wanted + 1, base(name)))
        return 0;
    errno = atoi(rest);
    return 1;
}

static void swap(int directory, const char *name) {
    char rest[512];
    if (!word("swap:", rest, sizeof rest))
        return;
    char *file = strchr(rest, ':');
    *file++ = 0;
    if (!strcmp(rest, base(name)))
        REAL(renameat)(AT_FDCWD, file, directory, name);
}

int unlinkat(int directory, const char *name, int flags) {
    count();
    return fails("unlinkat", name) ? -1 : REAL(unlinkat)(directory, name, flags);
}

int mkdirat(int directory, const char *name, mode_t mode) {
    count();
    return fails("mkdirat", name) ? -1 : REAL(mkdirat)(directory, name, mode);
}

int mkdir(const char *name, mode_t mode) {
    count();
    return fails("mkdir", name) ? -1 : REAL(mkdir)(name, mode);
}

int rmdir(const char *name) {
    count();
    return REAL(rmdir)(name);
}

int linkat(int from, const char *name, int to, const char *new_name, int flags) {
    count();
    return REAL(linkat)(from, name, to, new_name, flags);
}

int renameat(int from, const char *name, int to, const char *new_name) {
    count();
    swap(from, name);
    return fails("renameat", name) ? -1 : REAL(renameat)(from, name, to, new_name);
}

long syscall(long number, ...) {
    va_list given;
    long a[6];
    va_start(given, number);
    for (int at = 0; at < 6; at++)
        a[at] = va_arg(given, long);
    va_end(given);
    if (number == SYS_renameat2) {
        count();
        swap((int)a[0], (const char *)a[1]);
        if (fails("renameat2", (const char *)a[1]))
            return -1;
    }
    if (number == SYS_getdents64 && fails("getdents64", ""))
        return -1;
    return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int open64(const char *name, int flags, ...) {
    va_list given;
    va_start(given, flags);
    mode_t mode = flags & O_CREAT ? va_arg(given, mode_t) : 0;
    va_end(given);
    if (flags & O_CREAT)
        step();
    return REAL(open64)(name, flags, mode);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
    step();
    return REAL(pwrite64)(file, bytes, size, offset);
}

ssize_t write(int file, const void *bytes, size_t size) {
    step();
    return REAL(write)(file, bytes, size);
}

int ftruncate64(int file, off64_t size) {
    step();
    return REAL(ftruncate64)(file, size);
}

int rename(const char *name, const char *new_name) {
    step();
    return REAL(rename)(name, new_name);
}

int unlink(const char *name) {
    step();
    return REAL(unlink)(name);
}
