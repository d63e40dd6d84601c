/* Logs what a process does to the files of one folder, in order, with the data; loaded with LD_PRELOAD.
 *
 * JANBAN_TRACE_FOLDER (absolute) is watched, JANBAN_TRACE_LOG gets the records. A record is a header of five
 * 64-bit integers (kind, file descriptor, offset or flags, bytes of name, bytes of data), the name, the data.
 * Memory maps are not seen; the reader compares its picture of the files with the files themselves.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC, UNLINK, RENAME };
enum { MOST_FILES = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[MOST_FILES];
static int log_fd = -1;

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

static int ours(const char *path) {
    const char *folder = getenv("JANBAN_TRACE_FOLDER");
    size_t length = folder == NULL ? 0 : strlen(folder);
    return length != 0 && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int watching(int fd) { return fd >= 0 && fd < MOST_FILES && watched[fd]; }

static void put(const void *bytes, size_t count) {
    for (const char *at = bytes; count > 0;) {
        ssize_t done = REAL(write)(log_fd, at, count);
        if (done < 0) abort();
        at += done;
        count -= (size_t)done;
    }
}

static void record(int64_t kind, int64_t fd, int64_t number, const char *name, const void *data, size_t count) {
    int64_t header[5] = {kind, fd, number, (int64_t)strlen(name), (int64_t)count};
    if (log_fd < 0) {
        log_fd = REAL(open)(getenv("JANBAN_TRACE_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_fd < 0) abort();
    }
    put(header, sizeof header);
    put(name, strlen(name));
    put(data, count);
}

static int opened(int fd, const char *path, int flags) {
    if (fd < 0 || fd >= MOST_FILES) return fd;
    pthread_mutex_lock(&lock);
    watched[fd] = (char)ours(path);
    if (watched[fd]) record(OPEN, fd, flags, path, "", 0);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE(flags, mode)                                        \
    mode_t mode = 0;                                             \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                       \
        va_list rest;                                            \
        va_start(rest, flags);                                   \
        mode = va_arg(rest, mode_t);                             \
        va_end(rest);                                            \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, mode)
    return opened(REAL(open)(path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...) {
    MODE(flags, mode)
    return opened(REAL(open64)(path, flags, mode), path, flags);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE(flags, mode)
    return opened(REAL(openat)(folder, path, flags, mode), path, flags);
}

int openat64(int folder, const char *path, int flags, ...) {
    MODE(flags, mode)
    return opened(REAL(openat64)(folder, path, flags, mode), path, flags);
}

int close(int fd) {
    if (watching(fd)) watched[fd] = 0;
    return REAL(close)(fd);
}

/* The lock is held over call and record, so that the order in the log is the order of what happened. */
#define LOGGED(type, call, fd, keep)                             \
    if (!watching(fd)) return call;                              \
    pthread_mutex_lock(&lock);                                   \
    type done = call;                                            \
    if (done >= 0) keep;                                         \
    pthread_mutex_unlock(&lock);                                 \
    return done;

ssize_t write(int fd, const void *data, size_t count) {
    LOGGED(ssize_t, REAL(write)(fd, data, count), fd,
           record(WRITE, fd, lseek(fd, 0, SEEK_CUR) - done, "", data, (size_t)done))
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t at) {
    LOGGED(ssize_t, REAL(pwrite)(fd, data, count, at), fd, record(WRITE, fd, at, "", data, (size_t)done))
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t at) {
    LOGGED(ssize_t, REAL(pwrite64)(fd, data, count, at), fd, record(WRITE, fd, at, "", data, (size_t)done))
}

int ftruncate(int fd, off_t size) {
    LOGGED(int, REAL(ftruncate)(fd, size), fd, record(TRUNCATE, fd, size, "", "", 0))
}

int ftruncate64(int fd, off64_t size) {
    LOGGED(int, REAL(ftruncate64)(fd, size), fd, record(TRUNCATE, fd, size, "", "", 0))
}

int fsync(int fd) { LOGGED(int, REAL(fsync)(fd), fd, record(SYNC, fd, 0, "", "", 0)) }

int fdatasync(int fd) { LOGGED(int, REAL(fdatasync)(fd), fd, record(SYNC, fd, 0, "", "", 0)) }

static int named(int done, int64_t kind, const char *from, const char *to) {
    if (done == 0 && ours(from)) {
        pthread_mutex_lock(&lock);
        record(kind, -1, 0, from, to, strlen(to));
        pthread_mutex_unlock(&lock);
    }
    return done;
}

int unlink(const char *path) { return named(REAL(unlink)(path), UNLINK, path, ""); }

int unlinkat(int folder, const char *path, int flags) {
    return named(REAL(unlinkat)(folder, path, flags), UNLINK, path, "");
}

int rename(const char *from, const char *to) { return named(REAL(rename)(from, to), RENAME, from, to); }

int renameat(int there, const char *from, int here, const char *to) {
    return named(REAL(renameat)(there, from, here, to), RENAME, from, to);
}
