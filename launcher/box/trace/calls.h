#ifndef CARREL_LAUNCHER_BOX_TRACE_CALLS_H
#define CARREL_LAUNCHER_BOX_TRACE_CALLS_H
/* Which system calls become records, and where their names stand (x86-64 numbers). */

enum call_kind { CALL_NONE, CALL_OPEN, CALL_NAMES, CALL_ENTER, CALL_CONNECT, CALL_REFUSED };
enum { CWD = 7, NONE = 7 }; /* no such argument */

struct call {
  u8 kind;
  u8 type;          /* carrel_type */
  u8 only_failures; /* successes are not recorded */
  u8 dir1, name1;   /* argument numbers */
  u8 dir2, name2;
  u8 flags; /* CALL_OPEN: the argument with O_*; 5 to 7: see open_flags() */
};

#define ONE(record, failures, dir, name) \
  { CALL_NAMES, record, failures, dir, name, CWD, NONE, 0 }
#define TWO(record, dir1, name1, dir2, name2) \
  { CALL_NAMES, record, 0, dir1, name1, dir2, name2, 0 }

static const struct call calls[CALL_LIMIT] = {
    [2] = {CALL_OPEN, CARREL_OPEN, 0, CWD, 0, CWD, NONE, 1},     /* open */
    [85] = {CALL_OPEN, CARREL_OPEN, 0, CWD, 0, CWD, NONE, 7},    /* creat */
    [257] = {CALL_OPEN, CARREL_OPEN, 0, 0, 1, CWD, NONE, 2},     /* openat */
    [437] = {CALL_OPEN, CARREL_OPEN, 0, 0, 1, CWD, NONE, 6},     /* openat2 */
    [76] = {CALL_OPEN, CARREL_OPEN, 0, CWD, 0, CWD, NONE, 5},    /* truncate: opens, cuts, closes */
    [4] = ONE(CARREL_PROBE, 1, CWD, 0),                          /* stat */
    [6] = ONE(CARREL_PROBE, 1, CWD, 0),                          /* lstat */
    [21] = ONE(CARREL_PROBE, 1, CWD, 0),                         /* access */
    [89] = ONE(CARREL_PROBE, 1, CWD, 0),                         /* readlink */
    [262] = ONE(CARREL_PROBE, 1, 0, 1),                          /* newfstatat */
    [267] = ONE(CARREL_PROBE, 1, 0, 1),                          /* readlinkat */
    [269] = ONE(CARREL_PROBE, 1, 0, 1),                          /* faccessat */
    [332] = ONE(CARREL_PROBE, 1, 0, 1),                          /* statx */
    [439] = ONE(CARREL_PROBE, 1, 0, 1),                          /* faccessat2 */
    [59] = ONE(CARREL_EXEC_FAILED, 1, CWD, 0),                   /* execve */
    [322] = ONE(CARREL_EXEC_FAILED, 1, 0, 1),                    /* execveat */
    [84] = ONE(CARREL_UNLINK, 0, CWD, 0),                        /* rmdir */
    [87] = ONE(CARREL_UNLINK, 0, CWD, 0),                        /* unlink */
    [263] = ONE(CARREL_UNLINK, 0, 0, 1),                         /* unlinkat */
    [83] = ONE(CARREL_MAKE, 0, CWD, 0),                          /* mkdir */
    [133] = ONE(CARREL_MAKE, 0, CWD, 0),                         /* mknod */
    [258] = ONE(CARREL_MAKE, 0, 0, 1),                           /* mkdirat */
    [259] = ONE(CARREL_MAKE, 0, 0, 1),                           /* mknodat */
    [82] = TWO(CARREL_RENAME, CWD, 0, CWD, 1),                   /* rename */
    [264] = TWO(CARREL_RENAME, 0, 1, 2, 3),                      /* renameat */
    [316] = TWO(CARREL_RENAME, 0, 1, 2, 3),                      /* renameat2 */
    [86] = TWO(CARREL_MAKE, CWD, 0, CWD, 1),                     /* link */
    [88] = TWO(CARREL_MAKE, CWD, 0, CWD, 1),                     /* symlink */
    [265] = TWO(CARREL_MAKE, 0, 1, 2, 3),                        /* linkat */
    [266] = TWO(CARREL_MAKE, CWD, 0, 1, 2),                      /* symlinkat */
    [80] = {CALL_ENTER, CARREL_ENTER, 0, CWD, 0, CWD, NONE, 0},  /* chdir */
    [81] = {CALL_ENTER, CARREL_ENTER, 0, 0, NONE, CWD, NONE, 0}, /* fchdir */
    [42] = {CALL_CONNECT, CARREL_CONNECT, 0, CWD, NONE, CWD, NONE, 0}, /* connect */
};

#endif
