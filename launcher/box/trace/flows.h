#ifndef CARREL_LAUNCHER_BOX_TRACE_FLOWS_H
#define CARREL_LAUNCHER_BOX_TRACE_FLOWS_H
/* Which process is behind a connection, by its socket's cookie: the hooks of connect(2), and of
   sendmsg(2) with MSG_FASTOPEN, which run before the kernel looks for a route. They decide nothing.
   Helpers that Linux 6.1 gives to this type of program, and no scratch memory: unlike a tracepoint
   they may be preempted. */

#define LOOPBACK_NET 127u         /* the first byte of an address in network byte order */
#define MAPPED_PREFIX 0xffff0000u /* ::ffff:0:0/96, third word */
#define LOOPBACK_LAST 0x01000000u /* ::1, last word */

static __always_inline bool is_loopback6(struct bpf_sock_addr* ctx) {
  if (ctx->user_ip6[0] || ctx->user_ip6[1]) return false;
  const u32 third = ctx->user_ip6[2], last = ctx->user_ip6[3];
  if (third == MAPPED_PREFIX) return (last & 0xff) == LOOPBACK_NET;
  return third == 0 && last == LOOPBACK_LAST;
}

static __always_inline void tell_flow(struct bpf_sock_addr* ctx) {
  struct task_struct* task = bpf_get_current_task_btf();
  const u32 slot = current_slot(task);
  if (slot == NO_SLOT) return;
  struct carrel_flow out = {};
  out.header.type = CARREL_FLOW;
  out.header.length = sizeof out;
  out.header.tgid = task->tgid;
  out.header.tid = task->pid;
  out.header.time_ns = bpf_ktime_get_ns();
  out.header.start_ns = task->group_leader->start_time;
  out.cookie = bpf_get_socket_cookie(ctx);
  emit(slot, &out, CARREL_FLOW, sizeof out);
}

SEC("cgroup/connect4")
int flow_begins4(struct bpf_sock_addr* ctx) {
  if (ctx->type == SOCK_STREAM && (ctx->user_ip4 & 0xff) != LOOPBACK_NET) tell_flow(ctx);
  return 1;
}

SEC("cgroup/connect6")
int flow_begins6(struct bpf_sock_addr* ctx) {
  if (ctx->type == SOCK_STREAM && !is_loopback6(ctx)) tell_flow(ctx);
  return 1;
}

#endif
