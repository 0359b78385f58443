/* The `syscall` back end of the sensor: raw tracepoints only, for kernels that forbid trampolines.
   Successful opens, closes and execs carry the kernel's own names; failed and changing calls carry
   the name as it stands in the process's memory when the call returns, with its exact base. */

#include <linux/bpf.h>
#include <stdbool.h>

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define CARREL_BPF
typedef u8 carrel_u8;
typedef u16 carrel_u16;
typedef u32 carrel_u32;
typedef s32 carrel_s32;
typedef u64 carrel_u64;
typedef s64 carrel_s64;
#include "launcher/watch/sensor/wire.h"

#include "config.h"
#include "calls.h"
#include "maps.h"
#include "paths.h"

/* The licence that tracing helpers ask for; nothing else of the project depends on it. */
char licence[] SEC("license") = "GPL";

#define NO_SLOT MAX_SESSIONS

/* The armed session of the current task, and the channel it serves, if any. Cheapest test first:
   most tasks of a host are in none. */
static __always_inline u32 current_group(struct task_struct *task, u32 *channel) {
  if (task->cgroups->dfl_cgrp->level <= (int)config.folder_level) return NO_SLOT;
  if (bpf_get_current_ancestor_cgroup_id(config.folder_level) != config.folder_id) return NO_SLOT;
  u64 id = bpf_get_current_ancestor_cgroup_id(config.folder_level + 1);
  struct trace_group *group = bpf_map_lookup_elem(&slots, &id);
  if (!group) return NO_SLOT;
  u32 number = group->slot;
  *channel = group->channel;
  struct trace_session *session = bpf_map_lookup_elem(&sessions, &number);
  return session && session->armed ? number : NO_SLOT;
}

/* Of a task of the workspace itself; all but connections is recorded of these alone. */
static __always_inline u32 current_slot(struct task_struct *task) {
  u32 channel = 0;
  const u32 slot = current_group(task, &channel);
  return channel ? NO_SLOT : slot;
}

/* The name as given, 0 bytes where it cannot be read. `to` has room for CARREL_NAME_MAX + 1. */
static __always_inline u64 copy_name(char *to, u64 from) {
  const long read = bpf_probe_read_user_str(to, CARREL_NAME_MAX + 1, (const void *)from);
  return read > 0 ? read - 1 : 0;
}

/* Absolute names start at the root whatever the descriptor is. */
static __always_inline u32 base_of(struct scratch *s, u32 slot, const char *name, u64 length,
                                   u32 argument) {
  if (length && name[0] == '/') return CARREL_DIR_ROOT;
  return base_id(s, slot, argument == CWD ? AT_FDCWD : (s32)s->args[argument & 7]);
}

static __always_inline struct inode *inode_of(u64 address) {
  struct file *file = AS(file, address);
  return GET(file, f_inode);
}

static __always_inline u32 mode_of(u64 address) {
  struct file *file = AS(file, address);
  return GET(file, f_mode);
}

static __always_inline u32 device_of(struct inode *inode) {
  struct super_block *sb = GET(inode, i_sb);
  return GET(sb, s_dev);
}

static __always_inline void fill_inode(struct carrel_file *out, u64 address) {
  struct inode *inode = inode_of(address);
  out->inode = GET(inode, i_ino);
  out->size = GET(inode, i_size);
  out->device = device_of(inode);
}

static __always_inline u32 open_flags(struct scratch *s, u32 argument) {
  if (argument == 5) return O_WRONLY | O_TRUNC;
  if (argument == 7) return O_CREAT | O_WRONLY | O_TRUNC;
  if (argument != 6) return s->args[argument & 7];
  u64 flags = 0; /* openat2: struct open_how begins with them */
  bpf_probe_read_user(&flags, sizeof flags, (const void *)s->args[2]);
  return flags;
}

__noinline int on_open(u32 slot, u32 number, s64 result) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  const struct call *call = &calls[number & (CALL_LIMIT - 1)];
  struct carrel_file *out = &s->record.file;
  char *name = s->record.bytes + sizeof *out;
  u64 length = 0;
  u32 dir = CARREL_DIR_UNKNOWN;
  const bool gives_file = result >= 0 && call->flags != 5;
  const u64 file = gives_file ? file_of(result) : 0;
  out->inode = out->size = 0;
  out->device = out->created = 0;
  if (file) {
    length = name_file(s, slot, file, name, &dir);
    fill_inode(out, file);
    out->created = (mode_of(file) & FMODE_CREATED) != 0;
  } else {
    length = copy_name(name, s->args[call->name1 & 7]);
    dir = base_of(s, slot, name, length, call->dir1);
  }
  out->dir = dir;
  out->flags = open_flags(s, call->flags);
  out->name_length = length;
  fill_header(&out->header, CARREL_OPEN, result);
  out->header.length = sizeof *out + length;
  return emit(slot, out, CARREL_OPEN, sizeof *out + length);
}

__noinline int on_names(u32 slot, u32 number, s64 result) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  const struct call *call = &calls[number & (CALL_LIMIT - 1)];
  struct carrel_names *out = &s->record.names;
  char *name1 = s->record.bytes + sizeof *out;
  const u64 length1 = copy_name(name1, s->args[call->name1 & 7]) & CARREL_NAME_MAX;
  const bool symlink = number == 88 || number == 266;
  out->dir1 = symlink ? CARREL_DIR_UNKNOWN : base_of(s, slot, name1, length1, call->dir1);
  u64 length2 = 0;
  out->dir2 = CARREL_DIR_UNKNOWN;
  if (call->name2 != NONE) {
    char *name2 = name1 + length1;
    length2 = copy_name(name2, s->args[call->name2 & 7]) & CARREL_NAME_MAX;
    out->dir2 = base_of(s, slot, name2, length2, call->dir2);
  }
  out->length1 = length1;
  out->length2 = length2;
  out->call = number;
  out->pad = 0;
  fill_header(&out->header, call->type, result);
  out->header.length = sizeof *out + length1 + length2;
  return emit(slot, out, call->type, sizeof *out + length1 + length2);
}

/* chdir, fchdir: where it led, or what was asked for. */
__noinline int on_enter(u32 slot, u32 number, s64 result) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  const struct call *call = &calls[number & (CALL_LIMIT - 1)];
  struct carrel_names *out = &s->record.names;
  char *name = s->record.bytes + sizeof *out;
  u64 length = 0;
  if (result == 0) {
    out->dir1 = base_id(s, slot, AT_FDCWD);
  } else {
    if (call->name1 != NONE) length = copy_name(name, s->args[call->name1 & 7]) & CARREL_NAME_MAX;
    out->dir1 = base_of(s, slot, name, length, call->dir1);
  }
  out->dir2 = CARREL_DIR_UNKNOWN;
  out->length1 = length;
  out->length2 = 0;
  out->call = number;
  out->pad = 0;
  fill_header(&out->header, CARREL_ENTER, result);
  out->header.length = sizeof *out + length;
  return emit(slot, out, CARREL_ENTER, sizeof *out + length);
}

/* A resolver connects datagram sockets to learn its own address; that reaches nobody. */
static __always_inline bool is_datagram(struct scratch *s, s64 fd) {
  struct walk *w = &s->walk;
  const u64 address = file_of(fd);
  if (!address) return false;
  struct inode *inode = inode_of(address);
  if ((GET(inode, i_mode) & S_IFMT) != S_IFSOCK) return false;
  struct file *file = AS(file, address);
  const u64 private = number_of(w, GET(file, private_data));
  struct socket *socket = AS(socket, private);
  return GET(socket, type) == SOCK_DGRAM;
}

/* What of a channel's connect(2) becomes a record. An address that cannot be read any more but was
   not refused for it does: nothing may pass unseen. */
static __always_inline bool is_forward(struct scratch *s, const char *address, u64 length,
                                       s64 result) {
  if (is_datagram(s, (s32)s->args[0])) return false;
  if (length < 2) return result != -EFAULT && result != -EINVAL;
  return *(u16 *)address == AF_INET || *(u16 *)address == AF_INET6;
}

__noinline int on_connect(u32 slot, u32 channel, s64 result) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct carrel_connect *out = &s->record.connect;
  char *address = s->record.bytes + sizeof *out;
  u64 length = (u32)s->args[2];
  if (length > CARREL_ADDRESS_MAX) length = CARREL_ADDRESS_MAX;
  __builtin_memset(address, 0, 4);
  if (bpf_probe_read_user(address, length, (const void *)s->args[1])) length = 0;
  if (channel && !is_forward(s, address, length, result)) return 0;
  out->dir = CARREL_DIR_ROOT;
  const bool path = length > 2 && *(u16 *)address == AF_UNIX && address[2];
  if (path && address[2] != '/') out->dir = base_id(s, slot, AT_FDCWD);
  out->address_length = length;
  out->pad = 0;
  out->channel = channel;
  out->pad2 = 0;
  fill_header(&out->header, CARREL_CONNECT, result);
  out->header.length = sizeof *out + length;
  return emit(slot, out, CARREL_CONNECT, sizeof *out + length);
}

/* A limit of the workspace rather than a rule: no descriptor, no room, no quota. */
static __always_inline bool is_limit(u32 error) {
  return error == EMFILE || error == ENOSPC || error == EDQUOT;
}

/* write, pwrite64, writev, sendfile, ftruncate, fallocate, pwritev, pwritev2: first comes the file. */
static __always_inline bool writes_to_first(u32 number) {
  return number == 1 || number == 18 || number == 20 || number == 40 || number == 77 ||
         number == 285 || number == 296 || number == 328;
}

__noinline int on_refused(u32 slot, u32 number, s64 result) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct carrel_refused *out = &s->record.refused;
  out->result = result;
  out->call = number;
  out->device = 0;
  if (writes_to_first(number)) {
    const u64 file = file_of((u32)s->args[0]);
    if (file) out->device = device_of(inode_of(file));
  }
  __builtin_memcpy(out->args, s->args, sizeof out->args);
  fill_header(&out->header, CARREL_REFUSED, result);
  out->header.length = sizeof *out;
  return emit(slot, out, CARREL_REFUSED, sizeof *out);
}

static __always_inline bool will_be_repeated(s64 result) {
  return result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND ||
         result == -ERESTART_RESTARTBLOCK;
}

/* A call that seccomp answers skips the entry tracepoint, but this one sees it. */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_returns, struct pt_regs *regs, long result) {
  const u64 number = regs->orig_ax;
  if (number >= CALL_LIMIT) return 0;
  u32 kind = calls[number].kind;
  if (result < 0 && result >= FIRST_ERRNO) {
    const u32 error = -result;
    if (config.refused[number][0] == error || config.refused[number][1] == error) kind = CALL_REFUSED;
    if (kind == CALL_NONE && is_limit(error)) kind = CALL_REFUSED;
    if (will_be_repeated(result)) return 0;
  } else if (calls[number].only_failures) {
    return 0;
  }
  if (kind == CALL_NONE) return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  u32 channel = 0;
  const u32 slot = current_group(task, &channel);
  if (slot == NO_SLOT) return 0;
  if (task->thread_info.status & TS_COMPAT) return 0; /* another numbering */
  if (channel) {
    kind = calls[number].kind;
    if (kind != CALL_CONNECT) return 0;
  }
  struct scratch *s = get_scratch();
  if (!s) return 0;
  s->args[0] = regs->di;
  s->args[1] = regs->si;
  s->args[2] = regs->dx;
  s->args[3] = regs->r10;
  s->args[4] = regs->r8;
  s->args[5] = regs->r9;
  if (kind == CALL_OPEN) return on_open(slot, number, result);
  if (kind == CALL_NAMES) return on_names(slot, number, result);
  if (kind == CALL_REFUSED) return on_refused(slot, number, result);
  if (kind == CALL_ENTER) return on_enter(slot, number, result);
  return on_connect(slot, channel, result);
}

/* Closes of regular files that were open for writing, while the file is still there. */
__noinline int on_close(u32 slot, s64 fd) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  const u64 file = file_of(fd);
  if (!file || !(mode_of(file) & FMODE_WRITE)) return 0;
  struct inode *inode = inode_of(file);
  if ((GET(inode, i_mode) & S_IFMT) != S_IFREG) return 0;
  struct carrel_file *out = &s->record.file;
  u32 dir = CARREL_DIR_UNKNOWN;
  const u64 length = name_file(s, slot, file, s->record.bytes + sizeof *out, &dir);
  fill_inode(out, file);
  out->dir = dir;
  out->flags = 0;
  out->created = 0;
  out->name_length = length;
  fill_header(&out->header, CARREL_CLOSE, 0);
  out->header.length = sizeof *out + length;
  return emit(slot, out, CARREL_CLOSE, sizeof *out + length);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(call_begins, struct pt_regs *regs, long number) {
  if (number != 3) return 0; /* close */
  struct task_struct *task = bpf_get_current_task_btf();
  const u32 slot = current_slot(task);
  if (slot == NO_SLOT || (task->thread_info.status & TS_COMPAT)) return 0;
  return on_close(slot, (u32)regs->di);
}

__noinline int on_exec(u32 slot) {
  struct scratch *s = get_scratch();
  struct mm_struct *mm = bpf_get_current_task_btf()->mm;
  if (!s || !mm) return 0;
  struct carrel_exec *out = &s->record.exec;
  struct walk *w = &s->walk;
  const u64 file = number_of(w, mm->exe_file);
  if (!file) return 0;
  u32 dir = CARREL_DIR_UNKNOWN;
  const u64 length = name_file(s, slot, file, s->record.bytes + sizeof *out, &dir) & 0xff;
  struct inode *inode = inode_of(file);
  out->inode = GET(inode, i_ino);
  out->device = device_of(inode);
  out->dir = dir;
  out->name_length = length;
  const u64 start = mm->arg_start, bytes = mm->arg_end - start;
  u64 take = bytes > CARREL_ARGV_MAX ? CARREL_ARGV_MAX : bytes;
  if (bpf_probe_read_user(s->record.bytes + sizeof *out + length, take & CARREL_ARGV_MAX,
                          (const void *)start))
    take = 0;
  out->argv_bytes = bytes;
  out->argv_length = take;
  fill_header(&out->header, CARREL_EXEC, 0);
  out->header.length = sizeof *out + length + take;
  return emit(slot, out, CARREL_EXEC, sizeof *out + length + take);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_execs, struct task_struct *task) {
  const u32 slot = current_slot(bpf_get_current_task_btf());
  return slot == NO_SLOT ? 0 : on_exec(slot);
}

#include "flows.h"

/* New processes; threads are their process. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forks, struct task_struct *parent, struct task_struct *child) {
  if (parent->tgid == child->tgid) return 0;
  const u32 slot = current_slot(bpf_get_current_task_btf());
  struct scratch *s = get_scratch();
  if (slot == NO_SLOT || !s) return 0;
  struct carrel_fork *out = &s->record.fork;
  out->child_tgid = child->tgid;
  out->pad = 0;
  out->child_start_ns = child->start_time;
  fill_header(&out->header, CARREL_FORK, 0);
  out->header.length = sizeof *out;
  return emit(slot, out, CARREL_FORK, sizeof *out);
}

static __always_inline int on_exit(void) {
  struct task_struct *task = bpf_get_current_task_btf();
  const u32 slot = current_slot(task);
  struct scratch *s = get_scratch();
  if (slot == NO_SLOT || !s) return 0;
  struct carrel_exit *out = &s->record.exit;
  struct signal_struct *signal = task->signal;
  out->code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code
                                                : task->group_leader->exit_code;
  out->pad = 0;
  fill_header(&out->header, CARREL_EXIT, 0);
  out->header.length = sizeof *out;
  return emit(slot, out, CARREL_EXIT, sizeof *out);
}

/* One of the two is loaded: newer kernels say whether this is the last thread of the process; where
   they do not, two last threads that end at once both see none alive, and the reader drops one. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exits, struct task_struct *task, bool group_dead) {
  return group_dead ? on_exit() : 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exits_old, struct task_struct *task) {
  return bpf_get_current_task_btf()->signal->live.counter == 0 ? on_exit() : 0;
}
