#ifndef CARREL_LAUNCHER_BOX_TRACE_KERNEL_TYPES_H
#define CARREL_LAUNCHER_BOX_TRACE_KERNEL_TYPES_H
/* The kernel's types as far as the programs look into them: names only, offsets come from the
   running kernel (CO-RE). Anonymous unions are left out: fields are found by name. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
  unsigned long r10, r9, r8, dx, si, di, orig_ax;
};

struct qstr {
  u64 hash_len; /* u32 hash, u32 len */
  const unsigned char* name;
};
struct super_block {
  u32 s_dev;
};
struct inode {
  u16 i_mode;
  struct super_block* i_sb;
  unsigned long i_ino;
  s64 i_size;
};
struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
};
struct vfsmount {
  struct dentry* mnt_root;
};
struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
};
struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
};
struct file {
  struct path f_path;
  struct inode* f_inode;
  u32 f_mode;
  void* private_data;
};
struct socket {
  short type;
};
struct fdtable {
  u32 max_fds;
  struct file** fd;
};
struct files_struct {
  struct fdtable* fdt;
};
struct fs_struct {
  struct path root, pwd;
};
struct mm_struct {
  struct file* exe_file;
  unsigned long arg_start, arg_end;
};
struct cgroup {
  int level;
};
struct css_set {
  struct cgroup* dfl_cgrp;
};
struct thread_info {
  u32 status; /* x86: TS_COMPAT */
};
struct signal_struct {
  struct {
    int counter;
  } live;
  u32 flags;
  int group_exit_code;
};
struct task_struct {
  struct thread_info thread_info;
  struct task_struct* group_leader;
  u64 start_time;
  int pid, tgid, exit_code;
  struct signal_struct* signal;
  struct files_struct* files;
  struct fs_struct* fs;
  struct mm_struct* mm;
  struct css_set* cgroups;
};

#pragma clang attribute pop

enum {
  TS_COMPAT = 2,
  FMODE_WRITE = 2,
  FMODE_CREATED = 0x100000, /* 6.1 to 6.18 */
  SIGNAL_GROUP_EXIT = 4,
  S_IFMT = 0170000,
  S_IFREG = 0100000,
  S_IFSOCK = 0140000,
  AT_FDCWD = -100,
  AF_UNIX = 1,
  AF_INET = 2,
  AF_INET6 = 10,
  SOCK_STREAM = 1,
  SOCK_DGRAM = 2,
  O_WRONLY = 1,
  O_CREAT = 0100,
  O_TRUNC = 01000,
  FIRST_ERRNO = -4095,
  EFAULT = 14,
  EINVAL = 22,
  EMFILE = 24,
  ENOSPC = 28,
  EDQUOT = 122,
  /* Internal codes: the call will be repeated, so nothing has happened yet. */
  ERESTARTSYS = 512,
  ERESTARTNOINTR = 513,
  ERESTARTNOHAND = 514,
  ERESTART_RESTARTBLOCK = 516,
};

#endif
