/* A disk whose N-th operation fails: preloaded under SQLite by test_ledger_disk.py, counted over one folder's files.

   failing_disk_arm(at, error, mode): from now on, the at-th write, sync, rename or change of a length fails with errno
   `error`; mode 0: that one alone, 1: it and all after it, 2: a write writes half of its bytes and says so.
   failing_disk_calls(): how many operations there were since. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int at = 0, error = EIO, mode = 0;
static int calls = 0;

void failing_disk_arm(int at_, int error_, int mode_) {
  calls = 0; at = at_; error = error_; mode = mode_;
}

int failing_disk_calls(void) { return calls; }

static int ours(const char *path) {
  const char *folder = getenv("FAILING_DISK");
  return at > 0 && folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int ours_open(int fd) {
  char link[64], path[4096];
  ssize_t length;
  if (at <= 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return ours(path);
}

/* Whether the operation under way is to fail. */
static int fails(void) {
  int now = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  return now == at || (mode == 1 && now > at);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL do { errno = error; return -1; } while (0)

ssize_t write(int fd, const void *data, size_t size) {
  if (ours_open(fd) && fails()) { if (mode == 2 && size > 1) return NEXT(write)(fd, data, size / 2); FAIL; }
  return NEXT(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t place) {
  if (ours_open(fd) && fails()) { if (mode == 2 && size > 1) return NEXT(pwrite)(fd, data, size / 2, place); FAIL; }
  return NEXT(pwrite)(fd, data, size, place);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
  if (ours_open(fd) && fails()) { if (mode == 2 && size > 1) return NEXT(pwrite64)(fd, data, size / 2, place); FAIL; }
  return NEXT(pwrite64)(fd, data, size, place);
}

int fsync(int fd) { if (ours_open(fd) && fails()) FAIL; return NEXT(fsync)(fd); }
int fdatasync(int fd) { if (ours_open(fd) && fails()) FAIL; return NEXT(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { if (ours_open(fd) && fails()) FAIL; return NEXT(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { if (ours_open(fd) && fails()) FAIL; return NEXT(ftruncate64)(fd, size); }

int rename(const char *from, const char *to) {
  if (ours(to) && fails()) FAIL;
  return NEXT(rename)(from, to);
}

int unlink(const char *path) {
  if (ours(path) && fails()) FAIL;
  return NEXT(unlink)(path);
}
