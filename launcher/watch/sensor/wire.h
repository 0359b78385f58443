#ifndef CARREL_LAUNCHER_WATCH_SENSOR_WIRE_H
#define CARREL_LAUNCHER_WATCH_SENSOR_WIRE_H
/* What the BPF programs put on a session's ring and into its counters. Shared by the BPF programs
   (C, no headers) and the reader (C++), so it holds only fixed-width values, in host byte order.
   Every record starts with carrel_header; its length covers the header and what follows. Names are
   not NUL-terminated; they follow the fixed part in the order of their lengths. */

#ifndef CARREL_BPF
#include <stdint.h>
typedef uint8_t carrel_u8;
typedef uint16_t carrel_u16;
typedef uint32_t carrel_u32;
typedef int32_t carrel_s32;
typedef uint64_t carrel_u64;
typedef int64_t carrel_s64;
#endif

enum carrel_type {
  CARREL_DIR = 1, /* gives a directory's id its path; always before the first use of the id */
  CARREL_EXEC = 2,
  CARREL_EXEC_FAILED = 3,
  CARREL_EXIT = 4,
  CARREL_FORK = 5,
  CARREL_OPEN = 6,
  CARREL_CLOSE = 7,
  CARREL_RENAME = 8,
  CARREL_UNLINK = 9,
  CARREL_MAKE = 10,
  CARREL_ENTER = 11,
  CARREL_PROBE = 12,
  CARREL_CONNECT = 13,
  CARREL_REFUSED = 14,
  CARREL_FLOW = 15, /* not an event: which process connects a socket */
  CARREL_TYPES = 32 /* size of the counters' arrays */
};

enum carrel_limits {
  CARREL_NAME_MAX = 4095,   /* bytes of one name */
  CARREL_ARGV_MAX = 4095,   /* bytes of argv; the true length is sent beside it */
  CARREL_ADDRESS_MAX = 128, /* sizeof(struct sockaddr_storage) */
  CARREL_RECORD_MAX = 8448  /* any record */
};

/* Directory ids. 0 is the process's root, so absolute names carry it. */
#define CARREL_DIR_ROOT 0u
#define CARREL_DIR_UNKNOWN 0xffffffffu /* base descriptor that was not there */

struct carrel_header {
  carrel_u16 type;
  carrel_u16 length;
  carrel_s32 error;    /* errno as a positive number, 0 = success */
  carrel_u32 tgid;     /* the process on the host */
  carrel_u32 tid;      /* the thread on the host */
  carrel_u64 time_ns;  /* CLOCK_MONOTONIC */
  carrel_u64 start_ns; /* when the process's leader began: (tgid, start_ns) is never reused */
};

enum carrel_dir_flags {
  CARREL_DIR_OUTSIDE = 1,  /* the walk did not end at the process's root */
  CARREL_DIR_TRUNCATED = 2 /* upper components are missing */
};

struct carrel_dir { /* name: components, leaf first, each followed by a NUL */
  struct carrel_header header;
  carrel_u32 id;
  carrel_u16 flags;
  carrel_u16 name_length;
};

struct carrel_file { /* CARREL_OPEN, CARREL_CLOSE; a failed open carries the name as given */
  struct carrel_header header;
  carrel_u32 dir;
  carrel_u32 flags; /* O_* as given (open) */
  carrel_u64 inode;
  carrel_u64 size;   /* CARREL_CLOSE */
  carrel_u32 device; /* kernel's dev_t: major << 20 | minor */
  carrel_u16 name_length;
  carrel_u16 created;
};

struct carrel_exec { /* name, then argv (NUL-separated) */
  struct carrel_header header;
  carrel_u32 dir;
  carrel_u32 argv_bytes; /* true length */
  carrel_u64 inode;
  carrel_u32 device;
  carrel_u16 name_length;
  carrel_u16 argv_length;
};

struct carrel_exit {
  struct carrel_header header;
  carrel_u32 code; /* as wait(2) reports it */
  carrel_u32 pad;
};

struct carrel_fork {
  struct carrel_header header;
  carrel_u32 child_tgid;
  carrel_u32 pad;
  carrel_u64 child_start_ns;
};

/* Calls that name one or two things: EXEC_FAILED, RENAME, UNLINK, MAKE, ENTER, PROBE. For a
   symbolic link the first name is the target (dir CARREL_DIR_UNKNOWN) and the second the link. A
   successful ENTER by descriptor has the directory as dir1 and no name. */
struct carrel_names {
  struct carrel_header header;
  carrel_u32 dir1;
  carrel_u32 dir2;
  carrel_u16 length1;
  carrel_u16 length2;
  carrel_u16 call; /* system call number, x86-64 */
  carrel_u16 pad;
};

struct carrel_connect { /* struct sockaddr follows; dir is the base of a relative AF_UNIX path */
  struct carrel_header header;
  carrel_u32 dir;
  carrel_u16 address_length;
  carrel_u16 pad;
  carrel_u32 channel; /* number of the ssh connection whose server connected; 0: the workspace */
  carrel_u32 pad2;
};

/* A TCP socket is about to be connected to an internet address that is not loopback. Written before
   the first packet leaves, so whoever hears of the connection finds it on the ring. */
struct carrel_flow {
  struct carrel_header header;
  carrel_u64 cookie; /* SO_COOKIE of socket(7), never 0 */
};

struct carrel_refused {
  struct carrel_header header;
  carrel_s64 result;
  carrel_u64 args[6];
  carrel_u32 call;
  carrel_u32 device; /* of a write for which there was no room: the file system's; else 0 */
};

/* One per session, mapped read-only by the reader. Only the kernel side writes. produced counts
   every record that was due, lost those of them that found the ring full. */
struct carrel_counters {
  carrel_u64 produced[CARREL_TYPES];
  carrel_u64 lost[CARREL_TYPES];
  carrel_u64 next_dir;
  carrel_u64 over; /* 1: a sensor outside the kernel has seen the workspace's last process end */
  carrel_u64 pad[6];
};

#endif
