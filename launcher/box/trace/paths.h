#ifndef CARREL_LAUNCHER_BOX_TRACE_PATHS_H
#define CARREL_LAUNCHER_BOX_TRACE_PATHS_H
/* The kernel's own names: from a dentry up to the process's root, through mounts. Directories are
   sent once and then by id; the key of an id is a hash over the names (and the dentries' addresses)
   of the whole way up, so a renamed or replaced directory is simply another key. The walk takes no
   lock: a rename at the same instant can tear it, and the hash is that of what was read. */

/* GET(pointer, field) takes a variable: with probe reads a nested expression would be relocated
 * too. */
#ifdef CARREL_PROBE_READS
#define GET(pointer, field) BPF_CORE_READ(pointer, field)
#define AS(type, address) ((struct type*)(address))
#else
extern void* bpf_rdonly_cast(const void* object, u32 type_id) __ksym;
#define GET(pointer, field) ((pointer)->field)
#define AS(type, address) \
  ((struct type*)bpf_rdonly_cast((void*)(address), bpf_core_type_id_kernel(struct type)))
#endif

static __always_inline u64 number_of(struct walk* w, const void* pointer) {
  *(volatile u64*)&w->launder = (u64)pointer;
  return *(volatile u64*)&w->launder;
}

static __always_inline void set_mount(struct walk* w, u64 mount) {
  struct vfsmount* at = AS(vfsmount, mount);
  w->mount = mount;
  w->mount_root = number_of(w, GET(at, mnt_root));
}

/* Goes from the root of a mount to the place where it is mounted. Sets `end` where there is none.
 */
static __always_inline void cross_mount(struct walk* w) {
  const u64 address = w->mount - bpf_core_field_offset(struct mount, mnt);
  struct mount* mount = AS(mount, address);
  const u64 parent = number_of(w, GET(mount, mnt_parent));
  if (parent == address) {
    w->end = END_OUTSIDE;
    return;
  }
  w->dentry = number_of(w, GET(mount, mnt_mountpoint));
  set_mount(w, parent + bpf_core_field_offset(struct mount, mnt));
}

/* True when the walk stands on a dentry that has a name of its own; else it moved or ended. */
static __always_inline bool on_name(struct walk* w) {
  if (w->dentry == w->root_dentry && w->mount == w->root_mount) {
    w->end = END_ROOT;
    return false;
  }
  if (w->dentry == w->mount_root) {
    cross_mount(w);
    return false;
  }
  return true;
}

static __always_inline void go_up(struct walk* w) {
  const u64 address = w->dentry;
  struct dentry* dentry = AS(dentry, address);
  const u64 parent = number_of(w, GET(dentry, d_parent));
  if (parent == address) w->end = END_OUTSIDE;
  w->dentry = parent;
}

static __always_inline void mix(struct walk* w) {
  const u64 address = w->dentry;
  struct dentry* dentry = AS(dentry, address);
  u64 hash = w->hash ^ GET(dentry, d_name.hash_len);
  hash *= 0x9e3779b97f4a7c15ULL;
  hash ^= (hash >> 32) ^ address;
  w->hash = hash * 0xd6e8feb86659fd93ULL;
}

static long hash_step(u32 index, void* context) {
  struct scratch* s = *(struct scratch**)context;
  struct walk* w = &s->walk;
  if (on_name(w)) {
    mix(w);
    go_up(w);
  }
  return w->end != 0;
}

static long name_step(u32 index, void* context) {
  struct scratch* s = *(struct scratch**)context;
  struct walk* w = &s->walk;
  if (on_name(w)) {
    const u64 address = w->dentry;
    struct dentry* dentry = AS(dentry, address);
    const u64 length = (GET(dentry, d_name.hash_len) >> 32) & 0xff;
    const u64 used = w->used;
    if (used + length + 1 > DIR_NAMES) {
      w->end = END_FULL;
      return 1;
    }
    bpf_probe_read_kernel(s->dir_names + (used & (DIR_NAMES - 1)), length,
                          GET(dentry, d_name.name));
    s->dir_names[(used + length) & (DIR_NAMES - 1)] = 0;
    w->used = used + length + 1;
    mix(w);
    go_up(w);
  }
  return w->end != 0;
}

static __always_inline void start_walk(struct scratch* s, u64 dentry, u64 mount) {
  struct walk* w = &s->walk;
  w->dentry = dentry;
  set_mount(w, mount);
  w->hash = 0;
  w->used = 0;
  w->end = 0;
}

static __always_inline void fill_header(struct carrel_header* header, u32 type, s64 result) {
  const u64 ids = bpf_get_current_pid_tgid();
  struct task_struct* task = bpf_get_current_task_btf();
  header->type = type;
  header->error = result >= FIRST_ERRNO && result < 0 ? -result : 0;
  header->tgid = ids >> 32;
  header->tid = ids;
  header->time_ns = bpf_ktime_get_ns();
  header->start_ns = task->group_leader->start_time;
}

/* The walk stands on a directory that has no id yet: names it, then remembers the id. */
__noinline u32 define_directory(u32 slot, u32 serial, u64 dentry, u64 mount) {
  struct scratch* s = get_scratch();
  void* page = bpf_map_lookup_elem(&counters, &slot);
  u32 zero = 0;
  struct carrel_counters* count = page ? bpf_map_lookup_elem(page, &zero) : 0;
  if (!s || !count) return CARREL_DIR_UNKNOWN;
  start_walk(s, dentry, mount);
  bpf_loop(WALK_MAX, name_step, &s, 0);
  struct walk* w = &s->walk;
  struct carrel_dir* dir = &s->dir;
  fill_header(&dir->header, CARREL_DIR, 0);
  u64 used = w->used;
  if (used > DIR_NAMES) return CARREL_DIR_UNKNOWN;
  dir->id = __sync_fetch_and_add(&count->next_dir, 1) + 1;
  dir->flags = w->end == END_ROOT      ? 0
               : w->end == END_OUTSIDE ? CARREL_DIR_OUTSIDE
                                       : CARREL_DIR_TRUNCATED;
  dir->name_length = used;
  dir->header.length = sizeof(*dir) + used;
  if (emit(slot, dir, CARREL_DIR, sizeof(*dir) + used)) return dir->id;
  struct directory_key key = {.path = w->hash + w->end, .serial = serial};
  u32 id = dir->id;
  bpf_map_update_elem(&directories, &key, &id, BPF_ANY);
  return id;
}

/* The id of the directory on which the walk stands. */
static __always_inline u32 directory_id(struct scratch* s, u32 slot) {
  struct walk* w = &s->walk;
  const u64 dentry = w->dentry, mount = w->mount;
  bpf_loop(WALK_MAX, hash_step, &s, 0);
  if (w->end == END_ROOT && w->hash == 0) return CARREL_DIR_ROOT;
  struct trace_session* session = bpf_map_lookup_elem(&sessions, &slot);
  if (!session) return CARREL_DIR_UNKNOWN;
  struct directory_key key = {.path = w->hash + w->end, .serial = session->serial};
  u32* known = bpf_map_lookup_elem(&directories, &key);
  if (known) return *known;
  return define_directory(slot, session->serial, dentry, mount);
}

static __always_inline void take_root(struct walk* w) {
  struct fs_struct* fs = bpf_get_current_task_btf()->fs;
  w->root_dentry = number_of(w, fs->root.dentry);
  w->root_mount = number_of(w, fs->root.mnt);
}

/* The open file behind a descriptor of the current process, 0 when there is none. */
static __always_inline u64 file_of(s64 fd) {
  struct fdtable* table = bpf_get_current_task_btf()->files->fdt;
  if (fd < 0 || fd >= table->max_fds) return 0;
  u64 file = 0;
  bpf_probe_read_kernel(&file, sizeof file, table->fd + fd);
  return file;
}

/* A file's name (at `name`, at most 255 bytes) and the id of its directory. Returns the length. */
static __always_inline u64 name_file(struct scratch* s, u32 slot, u64 address, char* name,
                                     u32* dir) {
  struct walk* w = &s->walk;
  struct file* file = AS(file, address);
  take_root(w);
  const u64 dentry_of_file = number_of(w, GET(file, f_path.dentry));
  start_walk(s, dentry_of_file, number_of(w, GET(file, f_path.mnt)));
  /* A file or directory that is itself mounted (a bind) carries the name of its mount point. */
  bool named = false;
  for (int i = 0; i < 8 && !named && !w->end; i++)
    named = on_name(w);
  if (!named) {
    *dir = w->end == END_ROOT ? CARREL_DIR_ROOT : CARREL_DIR_UNKNOWN;
    if (w->end == END_ROOT) return 0;
    w->dentry = dentry_of_file;
  }
  const u64 address_of_name = w->dentry;
  struct dentry* dentry = AS(dentry, address_of_name);
  const u64 length = (GET(dentry, d_name.hash_len) >> 32) & 0xff;
  bpf_probe_read_kernel(name, length, GET(dentry, d_name.name));
  if (!named) return length;
  go_up(w);
  *dir = w->end ? CARREL_DIR_UNKNOWN : directory_id(s, slot);
  return length;
}

/* The id of what a name given by the process starts from. */
static __always_inline u32 base_id(struct scratch* s, u32 slot, s32 fd) {
  struct walk* w = &s->walk;
  take_root(w);
  if (fd == AT_FDCWD) {
    struct fs_struct* fs = bpf_get_current_task_btf()->fs;
    const u64 dentry = number_of(w, fs->pwd.dentry);
    start_walk(s, dentry, number_of(w, fs->pwd.mnt));
  } else {
    const u64 address = file_of(fd);
    if (!address) return CARREL_DIR_UNKNOWN;
    struct file* file = AS(file, address);
    const u64 dentry = number_of(w, GET(file, f_path.dentry));
    start_walk(s, dentry, number_of(w, GET(file, f_path.mnt)));
  }
  return directory_id(s, slot);
}

#endif
