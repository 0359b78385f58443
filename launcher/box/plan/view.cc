#include "launcher/box/plan/view.h"

#include <algorithm>

#include "profiles/base/check.h"

namespace carrel::plan {
namespace {

MountStep step(MountKind kind, std::string_view target) {
  MountStep made;
  made.kind = kind;
  made.target = inside(target);
  return made;
}

void add_host_bind(std::string_view path, TargetType type, Exec exec,
                   std::vector<MountStep>& steps) {
  MountStep made = step(MountKind::kHostBind, path);
  auto host = HostPath::parse(path);
  CHECK(host.ok());
  made.host = host.take();
  made.type = type;
  made.exec = exec;
  steps.push_back(std::move(made));
}

void add_device(std::string_view name, uint32_t major, uint32_t minor,
                std::vector<MountStep>& steps) {
  const std::string path = "/dev/" + std::string(name);
  MountStep made = step(MountKind::kDevice, path);
  auto host = HostPath::parse(path);
  CHECK(host.ok());
  made.host = host.take();
  made.access = Access::kReadWrite;
  made.exec = Exec::kForbidden;
  made.type = TargetType::kFile;
  made.mode = 0666;
  made.device_major = major;
  made.device_minor = minor;
  steps.push_back(std::move(made));
}

constexpr const char* kPasswd =
    "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
    "carrel:x:999:999:carrel:/nonexistent:/usr/sbin/nologin\n"
    "contractor:x:1000:1000:contractor:/home/contractor:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

constexpr const char* kGroup =
    "root:x:0:\n"
    "carrel:x:999:\n"
    "contractor:x:1000:\n"
    "nogroup:x:65534:\n";

constexpr const char* kHosts =
    "127.0.0.1 localhost carrel\n"
    "::1 localhost ip6-localhost ip6-loopback\n";

// The gateway answers at every address.
constexpr const char* kResolvConf =
    "nameserver 127.0.0.53\n"
    "options edns0 trust-ad ndots:1\n";

// No dns: there is no way out, and each look-up would be a connect to nobody.
constexpr const char* kNsswitch =
    "passwd: files\n"
    "group: files\n"
    "shadow: files\n"
    "hosts: files\n"
    "networks: files\n"
    "protocols: files\n"
    "services: files\n"
    "ethers: files\n"
    "rpc: files\n";

// What a login shell reads; the environment is already complete.
constexpr const char* kProfile = "[ -z \"$BASH\" ] || . /etc/bash.bashrc\n";

constexpr const char* kBashrc = "[ -z \"$PS1\" ] || PS1='\\u@\\h:\\w\\$ '\n";

}  // namespace

SandboxPath inside(std::string_view text) {
  auto path = SandboxPath::parse(text);
  CHECK(path.ok());
  return path.take();
}

void add_folder(std::string_view target, std::vector<MountStep>& steps) {
  steps.push_back(step(MountKind::kDirectory, target));
}

void add_file(std::string_view target, std::string text, std::vector<MountStep>& steps) {
  MountStep made = step(MountKind::kFile, target);
  made.text = std::move(text);
  made.mode = 0644;
  steps.push_back(std::move(made));
}

void add_link(std::string_view target, std::string text, std::vector<MountStep>& steps) {
  MountStep made = step(MountKind::kSymlink, target);
  made.text = std::move(text);
  made.mode = 0777;
  steps.push_back(std::move(made));
}

void add_tmpfs(std::string_view target, uint64_t size_bytes, uint64_t inodes, uint32_t mode,
               Owner owner, Exec exec, std::vector<MountStep>& steps) {
  MountStep made = step(MountKind::kTmpfs, target);
  made.access = Access::kReadWrite;
  made.exec = exec;
  made.owner = owner;
  made.mode = mode;
  made.size_bytes = size_bytes;
  made.inodes = inodes;
  steps.push_back(std::move(made));
}

void add_root(std::vector<MountStep>& steps) {
  add_tmpfs("/", uint64_t{4} << 20, 4096, 0755, Owner::kInit, Exec::kForbidden, steps);
  steps.back().access = Access::kReadOnly;
}

void add_system(const HostFacts& facts, std::vector<MountStep>& steps) {
  add_host_bind("/usr", TargetType::kFolder, Exec::kAllowed, steps);
  for (const RootEntry& entry : facts.root_entries) {
    const std::string path = "/" + entry.name;
    if (entry.link_target.empty()) {
      add_host_bind(path, TargetType::kFolder, Exec::kAllowed, steps);
    } else {
      add_link(path, entry.link_target, steps);
    }
  }
}

void add_etc(const HostFacts& facts, const PlanRequest& request, Names names,
             std::vector<MountStep>& steps) {
  add_folder("/etc", steps);
  add_file("/etc/bash.bashrc", kBashrc, steps);
  add_file("/etc/gitconfig",
           "[user]\n\tname = " + git_quoted(request.person_name) +
               "\n\temail = " + git_quoted(request.person_email) + "\n",
           steps);
  add_file("/etc/group", kGroup, steps);
  add_file("/etc/hostname", "carrel\n", steps);
  add_file("/etc/hosts", kHosts, steps);
  add_link("/etc/mtab", "/proc/self/mounts", steps);
  std::string nsswitch(kNsswitch);
  if (names == Names::kOfGateway) {
    const std::string hosts = "hosts: files";
    nsswitch.insert(nsswitch.find(hosts) + hosts.size(), " dns");
    add_file("/etc/resolv.conf", kResolvConf, steps);
  }
  add_file("/etc/nsswitch.conf", std::move(nsswitch), steps);
  add_link("/etc/os-release", "/usr/lib/os-release", steps);
  add_file("/etc/passwd", kPasswd, steps);
  add_file("/etc/profile", kProfile, steps);
  for (const EtcEntry& entry : facts.etc) {
    add_host_bind("/etc/" + entry.path, entry.directory ? TargetType::kFolder : TargetType::kFile,
                  Exec::kForbidden, steps);
  }
}

void add_loader_cache(const HostFacts& facts, std::vector<MountStep>& steps) {
  for (const EtcEntry& entry : facts.etc) {
    if (entry.path != "ld.so.cache") continue;
    add_host_bind("/etc/ld.so.cache", TargetType::kFile, Exec::kForbidden, steps);
  }
}

void add_proc(std::vector<MountStep>& steps) {
  MountStep proc = step(MountKind::kProc, "/proc");
  proc.access = Access::kReadWrite;  // a process writes its own entries
  proc.exec = Exec::kForbidden;
  proc.mode = 0555;
  steps.push_back(std::move(proc));
  for (const char* path : {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"}) {
    steps.push_back(step(MountKind::kReadOnly, path));
    steps.back().exec = Exec::kForbidden;
  }
  for (const char* path : {"/proc/acpi", "/proc/asound", "/proc/driver", "/proc/dynamic_debug",
                           "/proc/pressure", "/proc/scsi"}) {
    steps.push_back(step(MountKind::kMaskFolder, path));
    steps.back().exec = Exec::kForbidden;
  }
  for (const char* path :
       {"/proc/interrupts",  "/proc/iomem",         "/proc/ioports",     "/proc/kallsyms",
        "/proc/kcore",       "/proc/key-users",     "/proc/keys",        "/proc/kmsg",
        "/proc/kpagecgroup", "/proc/kpagecount",    "/proc/kpageflags",  "/proc/latency_stats",
        "/proc/modules",     "/proc/pagetypeinfo",  "/proc/sched_debug", "/proc/schedstat",
        "/proc/slabinfo",    "/proc/sysrq-trigger", "/proc/timer_list",  "/proc/timer_stats",
        "/proc/vmallocinfo"}) {
    steps.push_back(step(MountKind::kMaskFile, path));
    steps.back().exec = Exec::kForbidden;
    steps.back().type = TargetType::kFile;
  }
}

void add_dev(Terminals terminals, uint64_t most_shared_bytes, std::vector<MountStep>& steps) {
  add_tmpfs("/dev", uint64_t{1} << 16, 64, 0755, Owner::kInit, Exec::kForbidden, steps);
  steps.back().access = Access::kReadOnly;
  add_device("full", 1, 7, steps);
  add_device("null", 1, 3, steps);
  add_device("random", 1, 8, steps);
  add_device("urandom", 1, 9, steps);
  add_device("zero", 1, 5, steps);
  add_link("/dev/fd", "/proc/self/fd", steps);
  add_link("/dev/stderr", "/proc/self/fd/2", steps);
  add_link("/dev/stdin", "/proc/self/fd/0", steps);
  add_link("/dev/stdout", "/proc/self/fd/1", steps);
  if (terminals == Terminals::kNone) return;
  add_device("tty", 5, 0, steps);
  MountStep pts = step(MountKind::kDevpts, "/dev/pts");
  pts.access = Access::kReadWrite;
  pts.exec = Exec::kForbidden;
  steps.push_back(std::move(pts));
  add_link("/dev/ptmx", "pts/ptmx", steps);
  const uint64_t shared = std::min(uint64_t{256} << 20, most_shared_bytes);
  add_tmpfs("/dev/shm", shared, shared / kBytesAFile, 01777, Owner::kInit, Exec::kForbidden, steps);
}

std::string git_quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace carrel::plan
