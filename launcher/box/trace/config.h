#ifndef CARREL_LAUNCHER_BOX_TRACE_CONFIG_H
#define CARREL_LAUNCHER_BOX_TRACE_CONFIG_H
/* What the loader fixes before the programs are verified, and what it keeps per session. Shared by
   the BPF programs (C) and the loader (C++); types come from wire.h. */

#ifndef CARREL_BPF
#include "launcher/watch/sensor/wire.h"
#endif

#define CALL_LIMIT 512 /* system call numbers known; a power of two */
#define MAX_SESSIONS 1024
#define MAX_GROUPS (MAX_SESSIONS * 33) /* of each session its own cgroup and 32 of channels */

/* The one content of the section .rodata.config. */
struct trace_config {
  carrel_u64 folder_id; /* cgroup below which the sessions' cgroups are */
  carrel_u32 folder_level;
  carrel_u32 ring_mark; /* bytes: past this the reader is woken */
  carrel_u16 refused[CALL_LIMIT][2];
};

/* Whose a cgroup is. Of a channel's (an ssh server outside of the workspace) only its connections
   to internet addresses are recorded. */
struct trace_group {
  carrel_u32 slot;
  carrel_u32 channel; /* 0: the session's own cgroup */
};

struct trace_session {
  carrel_u32 armed;
  carrel_u32 serial;  /* never reused, so directory ids of an earlier session are not found */
  carrel_u32 crossed; /* the mark was passed and the reader woken */
  carrel_u32 pad;
};

#endif
