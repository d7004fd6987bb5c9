//! Loaded into the real binary with LD_PRELOAD: writes down every call by which it changes the world, dies at one of them
//! if told to, and lets its clocks run ahead. Not responsible for what the calls mean: the tests read the log.
//
// SHIM_DIR    files below it are the world; so is every TCP stream.
// SHIM_LOG    where to write the records to; absent: none are written, and nothing is killed.
// SHIM_KILL   "CLASS N WHEN": die by SIGKILL at the Nth call of that class: "any", "sync", "send" (a request's first
//             byte), "commit" (from the first write to the ledger's log to the sync that makes it last). WHEN is before, after,
//             written (of a commit: all but the sync) or answered (of a request: the answer can be read, and was not).
// SHIM_AHEAD  milliseconds that the wall and boot clocks are ahead.
// SHIM_CLOCK  a file of eight bytes with that number instead: whoever writes it moves the clocks of a process that runs.
//
// A record: "R <number> <commit> <send> <op> <result> <offset> <length> <name>\n", <length> bytes, "\n". Before the death: "K" and
// the same. One lock is held over each call and its record, so that the log has the order of the world.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char dir[512], kill_class[16], kill_when[16];
static size_t dir_length;
static long kill_number, calls, commits, syncs, sends;
static long long ahead_fixed;
static volatile long long *ahead_at = &ahead_fixed;
static int log_fd = -1, dirty;

// Clocks ------------------------------------------------------------------------------------------------------------

static int told(clockid_t clock, struct timespec *at) {
  long failed = syscall(SYS_clock_gettime, clock, at);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_BOOTTIME)) {
    long long ahead_ms = *ahead_at;
    at->tv_sec += ahead_ms / 1000;
    at->tv_nsec += ahead_ms % 1000 * 1000000;
    if (at->tv_nsec >= 1000000000) {
      at->tv_sec += 1;
      at->tv_nsec -= 1000000000;
    }
  }
  return failed ? -1 : 0;
}

int clock_gettime(clockid_t clock, struct timespec *at) { return told(clock, at); }

#ifdef __x86_64__
// The boot clock is read past libc, through the page that the kernel lends: its entry is made to lead here.
static int lead_here(void) {
  char *base = (char *)getauxval(AT_SYSINFO_EHDR);
  if (!base) return -1;
  Elf64_Ehdr *head = (Elf64_Ehdr *)base;
  Elf64_Phdr *part = (Elf64_Phdr *)(base + head->e_phoff);
  Elf64_Dyn *dynamic = NULL;
  for (int i = 0; i < head->e_phnum; i++)
    if (part[i].p_type == PT_DYNAMIC) dynamic = (Elf64_Dyn *)(base + part[i].p_offset);
  Elf64_Sym *symbols = NULL;
  char *names = NULL;
  for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_SYMTAB) symbols = (Elf64_Sym *)(base + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB) names = base + dynamic->d_un.d_ptr;
  }
  for (Elf64_Sym *s = symbols; s && (char *)s < names; s++) {
    if (strcmp(names + s->st_name, "__vdso_clock_gettime")) continue;
    unsigned char *code = (unsigned char *)base + s->st_value;
    unsigned char *page = (unsigned char *)((unsigned long)code & ~4095UL);
    if (mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC)) return -1;
    void *target = (void *)told;
    code[0] = 0x48, code[1] = 0xb8;  // mov rax, target
    memcpy(code + 2, &target, 8);
    code[10] = 0xff, code[11] = 0xe0;  // jmp rax
    return 0;
  }
  return -1;
}
#else
static int lead_here(void) { return -1; }
#endif

// Log and death ------------------------------------------------------------------------------------------------------

static void put(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length) {
    long n = syscall(SYS_write, log_fd, at, length);
    if (n <= 0) return;
    at += n, length -= n;
  }
}

static void record(char mark, const char *op, long result, long long offset, const char *name,
                   const struct iovec *parts, int count) {
  char line[800];
  size_t length = 0;
  for (int i = 0; i < count; i++) length += parts[i].iov_len;
  if (result >= 0 && (size_t)result < length && mark == 'R') length = result;
  int n = snprintf(line, sizeof line, "%c %ld %ld %ld %s %ld %lld %zu %s\n", mark, calls, commits, sends, op,
                   result, offset, length, name);
  put(line, n);
  for (int i = 0; i < count && length; i++) {
    size_t some = parts[i].iov_len < length ? parts[i].iov_len : length;
    put(parts[i].iov_base, some);
    length -= some;
  }
  put("\n", 1);
}

// What this call is: its number in each class, 0 where it is not of it.
struct call {
  const char *op, *name;
  long long offset;
  const struct iovec *parts;
  int count, fd;
  long any, sync, send, commit;
};

static void die_if(const struct call *c, const char *when) {
  long number = !strcmp(kill_class, "any")      ? c->any
                : !strcmp(kill_class, "sync")   ? c->sync
                : !strcmp(kill_class, "send")   ? c->send
                : !strcmp(kill_class, "commit") ? c->commit
                                                : 0;
  if (!number || number != kill_number) return;
  int answered = !strcmp(kill_when, "answered") && !strcmp(when, "after");
  if (strcmp(kill_when, when) && !answered) return;
  if (answered) {
    struct pollfd wait = {.fd = c->fd, .events = POLLIN};
    syscall(SYS_poll, &wait, 1, 5000);
  }
  record('K', c->op, 0, c->offset, c->name, c->parts, c->count);
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

static int ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

static int begins_request(const struct call *c) {
  static const char *const methods[] = {"GET ", "POST ", "PUT ", "PATCH ", "DELETE "};
  for (int i = 0; i < 5; i++) {
    size_t n = strlen(methods[i]);
    if (c->count && c->parts[0].iov_len >= n && !memcmp(c->parts[0].iov_base, methods[i], n)) return 1;
  }
  return 0;
}

// Enters a call: gives its numbers out and dies before it if that was asked. The lock is held until `leave`.
static void enter(struct call *c) {
  pthread_mutex_lock(&turn);
  c->any = ++calls;
  int ledger_log = ends_with(c->name, "ledger.db-wal");
  int writes = !strncmp(c->op, "write", 5);
  if (!strcmp(c->op, "fsync")) c->sync = ++syncs;
  if (!strcmp(c->op, "send") && begins_request(c)) c->send = ++sends;
  if (ledger_log && writes && !dirty) dirty = 1, c->commit = ++commits;
  die_if(c, "before");
  if (ledger_log && c->sync && dirty) {
    c->commit = commits;
    die_if(c, "written");
  }
}

static long leave(struct call *c, long result) {
  int was = errno;
  record('R', c->op, result < 0 ? -was : result, c->offset, c->name, c->parts, c->count);
  int ends = c->sync && c->commit;
  if (ends) dirty = 0;
  // A commit begins with one call and ends with another.
  if (ends || !c->commit || strcmp(kill_class, "commit")) die_if(c, "after");
  pthread_mutex_unlock(&turn);
  errno = was;
  return result;
}

// Which files and streams --------------------------------------------------------------------------------------------

static int ours(const char *path) {
  return log_fd >= 0 && dir_length && !strncmp(path, dir, dir_length) && !ends_with(path, "-shm");
}

// The name of an open file below the directory, "." for itself; NULL for any other.
static const char *file_of(int fd, char *room, size_t size) {
  if (log_fd < 0 || fd == log_fd) return NULL;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long n = syscall(SYS_readlink, link, room, size - 1);
  if (n <= 0) return NULL;
  room[n] = 0;
  if (!ours(room)) return NULL;
  return room[dir_length] ? room + dir_length + 1 : ".";
}

static int stream(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  return log_fd >= 0 && !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_STREAM &&
         !getpeername(fd, (struct sockaddr *)&peer, &length) && peer.ss_family != AF_UNIX;
}

static const char *named(const char *path) {
  return path[dir_length] ? path + dir_length + 1 : ".";
}

// The calls ----------------------------------------------------------------------------------------------------------

static long many(int fd, const struct iovec *parts, int count, long (*go)(int, const void *, size_t, int),
                 const void *what, size_t length, int flags) {
  char room[600];
  const char *name = file_of(fd, room, sizeof room);
  struct call c = {.op = "write", .name = name, .parts = parts, .count = count, .fd = fd};
  if (name) {
    c.offset = syscall(SYS_lseek, fd, 0, SEEK_CUR);
  } else if (stream(fd)) {
    c.op = "send", c.name = "tcp";
  } else {
    return go(fd, what, length, flags);
  }
  enter(&c);
  return leave(&c, go(fd, what, length, flags));
}

static long go_write(int fd, const void *b, size_t n, int f) { return (void)f, syscall(SYS_write, fd, b, n); }
static long go_writev(int fd, const void *v, size_t n, int f) { return (void)f, syscall(SYS_writev, fd, v, n); }
static long go_send(int fd, const void *b, size_t n, int f) { return syscall(SYS_sendto, fd, b, n, f, NULL, 0); }
static long go_message(int fd, const void *m, size_t n, int f) { return (void)n, syscall(SYS_sendmsg, fd, m, f); }

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  return many(fd, &part, 1, go_write, bytes, length, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return many(fd, parts, count, go_writev, parts, count, 0);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  struct iovec part = {(void *)bytes, length};
  return many(fd, &part, 1, go_send, bytes, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  return many(fd, message->msg_iov, message->msg_iovlen, go_message, message, 0, flags);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
  char room[600];
  const char *name = file_of(fd, room, sizeof room);
  if (!name) return syscall(SYS_pwrite64, fd, bytes, length, offset);
  struct iovec part = {(void *)bytes, length};
  struct call c = {.op = "write", .name = name, .offset = offset, .parts = &part, .count = 1, .fd = fd};
  enter(&c);
  return leave(&c, syscall(SYS_pwrite64, fd, bytes, length, offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}

static int on_file(const char *op, int fd, long number, long long offset) {
  char room[600];
  const char *name = file_of(fd, room, sizeof room);
  if (!name) return syscall(number, fd, offset);
  struct call c = {.op = op, .name = name, .offset = offset, .fd = fd};
  enter(&c);
  return leave(&c, syscall(number, fd, offset));
}

int fsync(int fd) { return on_file("fsync", fd, SYS_fsync, 0); }
int fdatasync(int fd) { return on_file("fsync", fd, SYS_fdatasync, 0); }
int ftruncate64(int fd, off_t length) { return on_file("truncate", fd, SYS_ftruncate, length); }
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
  if (!ours(path)) return syscall(SYS_unlink, path);
  struct call c = {.op = "unlink", .name = named(path)};
  enter(&c);
  return leave(&c, syscall(SYS_unlink, path));
}

int rename(const char *from, const char *to) {
  if (!ours(from) || !ours(to)) return syscall(SYS_rename, from, to);
  struct iovec part = {(void *)named(to), strlen(named(to))};
  struct call c = {.op = "rename", .name = named(from), .parts = &part, .count = 1};
  enter(&c);
  return leave(&c, syscall(SYS_rename, from, to));
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  int makes = ours(path) && flags & O_CREAT && syscall(SYS_access, path, F_OK);
  int cuts = ours(path) && flags & O_TRUNC;
  if (!makes && !cuts) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  struct call c = {.op = makes ? "create" : "truncate", .name = named(path)};
  enter(&c);
  return leave(&c, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open64(path, flags, mode);
}

__attribute__((constructor)) static void begin(void) {
  const char *ahead = getenv("SHIM_AHEAD"), *where = getenv("SHIM_DIR"), *log = getenv("SHIM_LOG");
  const char *when = getenv("SHIM_KILL"), *shared = getenv("SHIM_CLOCK");
  ahead_fixed = ahead ? atoll(ahead) : 0;
  if (shared) {
    int fd = syscall(SYS_openat, AT_FDCWD, shared, O_RDONLY | O_CLOEXEC);
    void *page = mmap(NULL, sizeof ahead_fixed, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || page == MAP_FAILED) syscall(SYS_exit_group, 97);
    ahead_at = page;
    syscall(SYS_close, fd);
  }
  if ((ahead_fixed || shared) && lead_here()) {
    static const char words[] = "shim: the boot clock cannot be moved here\n";
    syscall(SYS_write, 2, words, sizeof words - 1);
    syscall(SYS_exit_group, 99);
  }
  if (where && log) {
    snprintf(dir, sizeof dir, "%s", where);
    dir_length = strlen(dir);
    int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    // Far from the low numbers, which a program may take for its own.
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 700);
    if (log_fd < 0) log_fd = fd;
    if (when && sscanf(when, "%15s %ld %15s", kill_class, &kill_number, kill_when) != 3) syscall(SYS_exit_group, 98);
  }
}
