#include "launcher/box/trace/tracer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "launcher/box/trace/config.h"
#include "launcher/box/trace/programs.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::trace {
namespace {

static_assert(MAX_SESSIONS == Tracer::kMaxSessions);

struct ObjectCloser {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectCloser>;

struct LinkDestroyer {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkDestroyer>;

constexpr const char* kTypes = "/sys/kernel/btf/vmlinux";
constexpr size_t kLogBytes = size_t{256} << 10;

Result<trace_config> make_config(const TracerOptions& options) {
  trace_config config{};
  config.folder_id = options.folder_id;
  config.folder_level = options.folder_level;
  config.ring_mark = options.ring_bytes / 2;
  for (const RefusedCall& call : options.refused) {
    if (call.number >= CALL_LIMIT || call.error <= 0 || call.error > 4095) {
      return Error{"sensor: system call " + std::to_string(call.number) + " cannot be reported"};
    }
    auto& errors = config.refused[call.number];
    const auto error = static_cast<uint16_t>(call.error);
    if (errors[0] == error || errors[1] == error) continue;
    if (errors[0] != 0 && errors[1] != 0) {
      return Error{"sensor: more than two errnos for system call " + std::to_string(call.number)};
    }
    errors[errors[0] == 0 ? 0 : 1] = error;
  }
  return config;
}

/// The last line of a verifier's log that says something.
std::string last_words(const std::string& log) {
  size_t end = log.size();
  std::string best;
  while (end > 0 && best.empty()) {
    const size_t start = log.rfind('\n', end - 1);
    std::string line = log.substr(start == std::string::npos ? 0 : start + 1,
                                  end - (start == std::string::npos ? 0 : start + 1));
    const bool statistics = line.starts_with("processed ") || line.starts_with("--");
    if (!line.empty() && !statistics) best = std::move(line);
    end = start == std::string::npos ? 0 : start;
  }
  return best;
}

Error load_error(int error, const std::string& log) {
  const std::string what = "load the sensor's BPF programs: ";
  if (error == EPERM && log.empty()) {
    // libbpf would hint at the memory limit; that is not it.
    if (geteuid() != 0) return {what + "only root may (CAP_BPF, CAP_PERFMON)", error};
    return {what +
                "the kernel refuses this program type without a reason: lockdown, or a capability "
                "is missing (CAP_BPF, CAP_PERFMON, CAP_SYS_RESOURCE before 5.11)",
            error};
  }
  if (error == ENOSYS) return {what + "the kernel has no bpf(2) (CONFIG_BPF_SYSCALL)", error};
  if (error == ESRCH) return {what + "the kernel lacks a tracepoint or a type they need", error};
  const std::string words = last_words(log);
  return {what + (words.empty() ? "refused" : "the verifier says: " + words), error};
}

/// Newer kernels tell a program at exit whether the whole process ends.
bool exit_tells_group() {
  btf* types = btf__load_vmlinux_btf();
  if (types == nullptr) return false;
  bool tells = false;
  const int id = btf__find_by_name_kind(types, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);
  if (id > 0) {
    const btf_type* type =
        btf__type_by_id(types, btf__type_by_id(types, static_cast<uint32_t>(id))->type);
    if (type != nullptr && btf_is_ptr(type)) type = btf__type_by_id(types, type->type);
    tells = type != nullptr && btf_is_func_proto(type) && btf_vlen(type) >= 3;
  }
  btf__free(types);
  return tells;
}

void choose(bpf_object* object, const char* program, bool load) {
  bpf_program__set_autoload(bpf_object__find_program_by_name(object, program), load);
}

/// The hooks of connections, which belong to a cgroup and not to a tracepoint.
bool is_hook(const bpf_program* program) {
  return bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
}

struct Wanted {
  bool closes = true, flows = true;
};

Result<Object> load_variant(const Program& program, const trace_config& config, Wanted wanted) {
  std::string log(kLogBytes, '\0');
  bpf_object_open_opts opts{};
  opts.sz = sizeof opts;
  opts.kernel_log_buf = log.data();
  opts.kernel_log_size = log.size();
  Object object(bpf_object__open_mem(program.bytes.data(), program.bytes.size(), &opts));
  if (object == nullptr) return errno_error("read the sensor's BPF programs");
  bpf_map* section = bpf_object__find_map_by_name(object.get(), ".rodata.config");
  if (section == nullptr || bpf_map__set_initial_value(section, &config, sizeof config) != 0) {
    return Error{"the sensor's BPF programs have no configuration of the expected size"};
  }
  const bool tells = exit_tells_group();
  choose(object.get(), "process_exits", tells);
  choose(object.get(), "process_exits_old", !tells);
  choose(object.get(), "call_begins", wanted.closes);
  choose(object.get(), "flow_begins4", wanted.flows);
  choose(object.get(), "flow_begins6", wanted.flows);
  const int result = bpf_object__load(object.get());
  if (result != 0) return load_error(-result, log.c_str());
  return object;
}

int no_print(libbpf_print_level, const char*, va_list) {
  return 0;
}

}  // namespace

struct Tracer::State {
  Object object;
  const char* variant = "";
  uint32_t ring_bytes = 0;
  uint32_t serial = 0;
  std::vector<Link> links;
  std::vector<Link> hooks;  // of `folder`
  std::string folder;       // "": connections are not told of
  std::string why_no_flows;
  std::array<std::optional<uint64_t>, kMaxSessions> cgroups{};  // by slot

  [[nodiscard]] int map(const char* name) const {
    return bpf_object__find_map_fd_by_name(object.get(), name);
  }
  Status put(const char* name, const void* key, const void* value) const {
    if (bpf_map_update_elem(map(name), key, value, BPF_ANY) == 0) return Done{};
    return errno_error(std::string("register the session's sensor in map ") + name);
  }
  Status attach_hooks() {
    if (folder.empty()) return Done{};
    const UniqueFd cgroup(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup.valid()) return errno_error("open " + folder);
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
      if (!is_hook(program)) continue;
      Link link(bpf_program__attach_cgroup(program, cgroup.get()));
      if (link == nullptr) {
        return errno_error(std::string("attach the sensor to ") +
                           bpf_program__section_name(program));
      }
      hooks.push_back(std::move(link));
    }
    return Done{};
  }
  /// Cgroups of a slot, those of its channels too. Asked of the kernel: another process may have
  /// added them.
  [[nodiscard]] std::vector<uint64_t> groups_of(uint32_t slot) const {
    std::vector<uint64_t> found;
    const int fd = map("slots");
    uint64_t id = 0;
    const uint64_t* before = nullptr;
    // Where a cgroup is removed meanwhile the kernel begins anew; the bound is for that.
    for (int steps = 0; steps < 2 * MAX_GROUPS; ++steps) {
      if (bpf_map_get_next_key(fd, before, &id) != 0) break;
      before = &id;
      trace_group group{};
      if (bpf_map_lookup_elem(fd, &id, &group) == 0 && group.slot == slot) found.push_back(id);
    }
    return found;
  }
  void remove(uint32_t slot) {
    const trace_session empty{};
    bpf_map_delete_elem(map("slots"), &*cgroups[slot]);
    for (const uint64_t id : groups_of(slot))
      bpf_map_delete_elem(map("slots"), &id);
    bpf_map_update_elem(map("sessions"), &slot, &empty, BPF_ANY);
    bpf_map_delete_elem(map("rings"), &slot);
    bpf_map_delete_elem(map("counters"), &slot);
    cgroups[slot].reset();
  }
  Status insert(uint32_t slot, uint64_t cgroup_id, int ring_fd, int counters_fd) {
    const trace_session session{.armed = 0, .serial = ++serial, .crossed = 0, .pad = 0};
    RETURN_IF_ERROR(put("sessions", &slot, &session));
    RETURN_IF_ERROR(put("rings", &slot, &ring_fd));
    RETURN_IF_ERROR(put("counters", &slot, &counters_fd));
    const trace_group group{.slot = slot, .channel = 0};
    return put("slots", &cgroup_id, &group);
  }
};

Tracer::Tracer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tracer::~Tracer() = default;

Result<std::unique_ptr<Tracer>> Tracer::load(const TracerOptions& options) {
  libbpf_set_print(no_print);
  if (access(kTypes, R_OK) != 0) {
    return errno_error(std::string("the kernel tells no types (CONFIG_DEBUG_INFO_BTF): ") + kTypes);
  }
  ASSIGN_OR_RETURN(const trace_config config, make_config(options));
  auto state = std::make_unique<State>();
  state->ring_bytes = options.ring_bytes;
  Error error;
  for (const bool flows : {true, false}) {
    for (const Program& program : programs()) {
      auto object = load_variant(program, config, {options.closes, flows});
      if (object.ok()) {
        state->object = object.take();
        state->variant = program.name;
        if (flows) try_hooks(*state, options.folder);
        return std::unique_ptr<Tracer>(new Tracer(std::move(state)));
      }
      error = object.take_error();
    }
    state->why_no_flows = to_string(error);
  }
  return error;
}

/// A host without them has its sensor all the same: its connections are of an unknown process.
void Tracer::try_hooks(State& state, const std::string& folder) {
  state.folder = folder;
  const Status attached = state.attach_hooks();
  state.hooks.clear();
  if (attached.ok()) return;
  state.folder.clear();
  state.why_no_flows = to_string(attached.error());
}

const std::string& Tracer::why_no_flows() const {
  return state_->why_no_flows;
}

Status Tracer::attach() {
  if (attached()) return Done{};
  std::vector<Link> links;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, state_->object.get()) {
    if (!bpf_program__autoload(program) || is_hook(program)) continue;
    Link link(bpf_program__attach(program));
    if (link == nullptr) {
      return errno_error(std::string("attach the sensor to tracepoint ") +
                         bpf_program__section_name(program));
    }
    links.push_back(std::move(link));
  }
  if (Status hooked = state_->attach_hooks(); !hooked.ok()) {
    state_->hooks.clear();
    return hooked;
  }
  state_->links = std::move(links);
  return Done{};
}

void Tracer::detach() {
  state_->hooks.clear();
  state_->links.clear();
}
bool Tracer::attached() const {
  return !state_->links.empty();
}
const char* Tracer::variant() const {
  return state_->variant;
}

Result<SessionSensor> Tracer::open_session(uint64_t cgroup_id) {
  State& state = *state_;
  const auto free = std::find(state.cgroups.begin(), state.cgroups.end(), std::nullopt);
  if (free == state.cgroups.end()) return Error{"no free sensor slot: 1024 sessions are open"};
  if (std::find(state.cgroups.begin(), state.cgroups.end(), cgroup_id) != state.cgroups.end()) {
    return Error{"the cgroup has a sensor already"};
  }
  SessionSensor out;
  out.slot = static_cast<uint32_t>(free - state.cgroups.begin());
  out.ring_bytes = state.ring_bytes;
  out.ring_fd.reset(
      bpf_map_create(BPF_MAP_TYPE_RINGBUF, "carrel_ring", 0, 0, state.ring_bytes, nullptr));
  if (!out.ring_fd.valid()) return errno_error("make the session's ring");
  bpf_map_create_opts opts{};
  opts.sz = sizeof opts;
  opts.map_flags = BPF_F_MMAPABLE;
  out.counters_fd.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, "carrel_counters", sizeof(uint32_t),
                                       sizeof(carrel_counters), 1, &opts));
  if (!out.counters_fd.valid()) return errno_error("make the session's counters");
  // Frozen: user space can neither write nor map them writable, programs still count. (A read-only
  // descriptor would not do: mmap(2) takes MAP_SHARED from those, and the kernel asks for it.)
  if (bpf_map_freeze(out.counters_fd.get()) != 0) {
    return errno_error("freeze the session's counters");
  }
  *free = cgroup_id;
  if (Status put = state.insert(out.slot, cgroup_id, out.ring_fd.get(), out.counters_fd.get());
      !put.ok()) {
    state.remove(out.slot);
    return put.take_error();
  }
  return out;
}

Status Tracer::arm(uint32_t slot) {
  if (slot >= kMaxSessions || !state_->cgroups[slot]) return Error{"no such sensor slot"};
  trace_session session{};
  if (bpf_map_lookup_elem(state_->map("sessions"), &slot, &session) != 0) {
    return errno_error("look up the session's sensor");
  }
  session.armed = 1;
  return state_->put("sessions", &slot, &session);
}

Status Tracer::add_channel(uint32_t slot, uint64_t cgroup_id, uint32_t channel) {
  if (slot >= kMaxSessions || !state_->cgroups[slot]) return Error{"no such sensor slot"};
  if (channel == 0) return Error{"0 is no number of a channel"};
  const trace_group group{.slot = slot, .channel = channel};
  // Never in the place of another: neither of a session nor of a channel.
  if (bpf_map_update_elem(state_->map("slots"), &cgroup_id, &group, BPF_NOEXIST) != 0) {
    return errno_error("register the channel's cgroup with the sensor");
  }
  return Done{};
}

Status Tracer::remove_channel(uint64_t cgroup_id) {
  const int fd = state_->map("slots");
  trace_group group{};
  const bool there = bpf_map_lookup_elem(fd, &cgroup_id, &group) == 0;
  if (!there || group.channel == 0) return Error{"the cgroup is no channel's"};
  if (bpf_map_delete_elem(fd, &cgroup_id) == 0) return Done{};
  return errno_error("take the channel's cgroup from the sensor");
}

Status Tracer::close_session(uint32_t slot) {
  if (slot >= kMaxSessions || !state_->cgroups[slot]) return Error{"no such sensor slot"};
  state_->remove(slot);
  return Done{};
}

uint64_t Tracer::missed_runs() const {
  uint64_t missed = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, state_->object.get()) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info{};
    uint32_t bytes = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0) missed += info.recursion_misses;
  }
  return missed;
}

}  // namespace carrel::trace
