#ifndef CARREL_LAUNCHER_BOX_TRACE_MAPS_H
#define CARREL_LAUNCHER_BOX_TRACE_MAPS_H
/* What the loader sets, the maps, and how a record leaves. */

const volatile struct trace_config config SEC(".rodata.config") = {};

struct ring_template {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
};
struct counters_template {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(key_size, sizeof(u32));
  __uint(value_size, sizeof(struct carrel_counters));
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, MAX_GROUPS);
  __type(key, u64);
  __type(value, struct trace_group);
} slots SEC(".maps"); /* by the id of a session's or a channel's cgroup */

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, MAX_SESSIONS);
  __type(key, u32);
  __type(value, struct trace_session);
} sessions SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, MAX_SESSIONS);
  __type(key, u32);
  __array(values, struct ring_template);
} rings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, MAX_SESSIONS);
  __type(key, u32);
  __array(values, struct counters_template);
} counters SEC(".maps");

struct directory_key {
  u64 path; /* hash of every component up to the process's root */
  u32 serial;
  u32 pad;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, struct directory_key);
  __type(value, u32);
} directories SEC(".maps");

/* A walk from a place up to the process's root. Kernel addresses as plain numbers: passing them
   through a map value keeps the verifier from tracking them as pointers. */
struct walk {
  u64 dentry, mount, mount_root;
  u64 root_dentry, root_mount;
  u64 hash;
  u64 launder;
  u32 used; /* bytes of names */
  u32 end;  /* 0: still below the root */
};
enum { END_ROOT = 1, END_OUTSIDE = 2, END_FULL = 3 };
#define WALK_MAX 512

#define DIR_NAMES 4096
#define RECORD_NAMES 8192
struct scratch {
  u64 args[8];
  struct walk walk;
  struct carrel_dir dir;
  char dir_names[DIR_NAMES + 512];
  union {
    struct carrel_header header;
    struct carrel_file file;
    struct carrel_exec exec;
    struct carrel_exit exit;
    struct carrel_fork fork;
    struct carrel_names names;
    struct carrel_connect connect;
    struct carrel_refused refused;
    char bytes[sizeof(struct carrel_file) + RECORD_NAMES + 512];
  } record;
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch* get_scratch(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&scratches, &zero);
}

/* The reader is woken once when the ring passes the mark, and again only after it has drained. */
static __always_inline u64 wake_flags(void* ring, struct trace_session* session) {
  const u64 filled = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
  if (filled < config.ring_mark) {
    if (session->crossed && filled < config.ring_mark / 2) session->crossed = 0;
    return BPF_RB_NO_WAKEUP;
  }
  if (session->crossed) return BPF_RB_NO_WAKEUP;
  session->crossed = 1;
  return BPF_RB_FORCE_WAKEUP;
}

/* Counts a record as produced, and as lost when the ring has no room. 0 when it went out. */
static __always_inline int emit(u32 slot, void* record, u32 type, u64 length) {
  struct trace_session* session = bpf_map_lookup_elem(&sessions, &slot);
  void* ring = bpf_map_lookup_elem(&rings, &slot);
  void* page = bpf_map_lookup_elem(&counters, &slot);
  if (!session || !ring || !page) return -1;
  u32 zero = 0;
  struct carrel_counters* count = bpf_map_lookup_elem(page, &zero);
  if (!count) return -1;
  type &= CARREL_TYPES - 1;
  __sync_fetch_and_add(&count->produced[type], 1);
  if (length > sizeof(struct carrel_file) + RECORD_NAMES) length = 0;
  if (bpf_ringbuf_output(ring, record, length & 0x3fff, wake_flags(ring, session)) == 0) return 0;
  __sync_fetch_and_add(&count->lost[type], 1);
  return -1;
}

#endif
