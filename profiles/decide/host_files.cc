#include "profiles/decide/host_files.h"

#include <algorithm>
#include <array>

namespace carrel::decide {
namespace {

constexpr HostFileMatch kTree = HostFileMatch::kTree;
constexpr HostFileMatch kPrefix = HostFileMatch::kPrefix;
constexpr HostFileMatch kPrefixSuffix = HostFileMatch::kPrefixSuffix;

/// Only what ordinary programs do not look for by themselves: a row that a compiler, a shell or the
/// C library touches would accuse people of what they never did. So no /etc/machine-id, no nscd
/// socket, no /run/user, no /sys/firmware, no /proc/1.
constexpr std::array kHostFiles = {
    HostFile{kTree, "/etc/shadow", "", "password hashes of the host"},
    HostFile{kTree, "/etc/shadow-", "", "backup of the host's password hashes"},
    HostFile{kTree, "/etc/gshadow", "", "group password hashes of the host"},
    HostFile{kTree, "/etc/gshadow-", "", "backup of the host's group password hashes"},
    HostFile{kTree, "/etc/security/opasswd", "", "old password hashes of the host"},
    HostFile{kTree, "/etc/sudoers", "", "who may become root on the host"},
    HostFile{kTree, "/etc/sudoers.d", "", "who may become root on the host"},
    HostFile{kPrefixSuffix, "/etc/ssh/ssh_host_", "_key", "private keys of the host"},
    HostFile{kTree, "/etc/ssl/private", "", "private keys of the host's services"},
    HostFile{kTree, "/etc/letsencrypt", "", "private keys of the host's services"},
    HostFile{kTree, "/etc/krb5.keytab", "", "the host's Kerberos keys"},
    HostFile{kTree, "/etc/wireguard", "", "keys of the host's networks"},
    HostFile{kTree, "/etc/NetworkManager/system-connections", "", "keys of the host's networks"},
    HostFile{kTree, "/etc/carrel", "", "Carrel's own configuration"},
    HostFile{kTree, "/etc/kubernetes", "", "keys of a cluster the host may belong to"},
    HostFile{kTree, "/var/lib/kubelet", "", "keys of a cluster the host may belong to"},
    HostFile{kTree, "/run/secrets", "", "secrets handed to a container the host may be"},
    HostFile{kTree, "/root", "", "the home of the host's root"},
    HostFile{kTree, "/var/lib/carrel", "", "Carrel's own records and keys"},
    HostFile{kTree, "/var/lib/docker", "", "other containers' files"},
    HostFile{kTree, "/var/lib/containerd", "", "other containers' files"},
    HostFile{kTree, "/var/lib/containers", "", "other containers' files"},
    HostFile{kTree, "/var/log", "", "the host's logs"},
    HostFile{kTree, "/var/spool/cron", "", "commands the host runs by itself"},
    HostFile{kTree, "/run/docker.sock", "", "socket whose users are root on the host"},
    HostFile{kTree, "/run/docker", "", "sockets whose users are root on the host"},
    HostFile{kTree, "/run/containerd", "", "sockets whose users are root on the host"},
    HostFile{kTree, "/run/podman", "", "sockets whose users may be root on the host"},
    HostFile{kTree, "/run/crio", "", "sockets whose users are root on the host"},
    HostFile{kTree, "/run/libvirt", "", "sockets that start machines on the host"},
    HostFile{kTree, "/run/snapd.socket", "", "socket that installs software on the host"},
    HostFile{kTree, "/var/snap/lxd", "", "sockets whose users are root on the host"},
    HostFile{kTree, "/var/lib/lxd", "", "sockets whose users are root on the host"},
    HostFile{kTree, "/run/dbus/system_bus_socket", "", "socket to the host's services"},
    HostFile{kTree, "/run/systemd/private", "", "socket to the host's service manager"},
    HostFile{kTree, "/proc/kcore", "", "the kernel's memory"},
    HostFile{kTree, "/proc/kmsg", "", "the kernel's messages"},
    HostFile{kTree, "/proc/keys", "", "the kernel's key rings"},
    HostFile{kTree, "/proc/sysrq-trigger", "", "commands to the host's kernel"},
    HostFile{kTree, "/dev/mem", "", "the host's memory"},
    HostFile{kTree, "/dev/kmem", "", "the kernel's memory"},
    HostFile{kTree, "/dev/port", "", "the host's devices"},
    HostFile{kTree, "/dev/kmsg", "", "the kernel's messages"},
    HostFile{kTree, "/dev/kvm", "", "virtual machines on the host"},
    HostFile{kTree, "/dev/disk", "", "the host's disks"},
    HostFile{kTree, "/dev/mapper", "", "the host's disks"},
    HostFile{kPrefix, "/dev/dm-", "", "the host's disks"},
    HostFile{kPrefix, "/dev/loop", "", "the host's disk images"},
    HostFile{kPrefix, "/dev/nvme", "", "the host's disks"},
    HostFile{kPrefix, "/dev/sd", "", "the host's disks"},
    HostFile{kPrefix, "/dev/vd", "", "the host's disks"},
    HostFile{kPrefix, "/dev/xvd", "", "the host's disks"},
    HostFile{kTree, "/sys/kernel/debug", "", "the kernel's inside"},
    HostFile{kTree, "/sys/kernel/tracing", "", "what other processes of the host do"},
    HostFile{kTree, "/sys/fs/bpf", "", "programs in the host's kernel"},
};

/// Rows of its own: everything below /home but the contractor's own home.
constexpr HostFile kOtherHomes{kTree, "/home", "", "other people's homes"};
constexpr std::string_view kOwnHome = "contractor";

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// /proc/self/root/etc/shadow names /etc/shadow: a process's root is the workspace's root.
std::string_view without_proc_root(std::string_view path) {
  constexpr std::string_view kProc = "/proc/";
  constexpr std::string_view kRoot = "root";
  while (path.starts_with(kProc)) {
    const size_t end = path.find('/', kProc.size());
    if (end == std::string_view::npos) return path;
    const std::string_view who = path.substr(kProc.size(), end - kProc.size());
    if (who != "self" && who != "thread-self" && !is_number(who)) return path;
    const std::string_view rest = path.substr(end + 1);
    if (!rest.starts_with(kRoot) || (rest.size() > kRoot.size() && rest[kRoot.size()] != '/')) {
      return path;
    }
    path = rest.size() > kRoot.size() ? rest.substr(kRoot.size()) : "/";
  }
  return path;
}

bool is_at_or_below(std::string_view path, std::string_view tree) {
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

bool matches(const HostFile& row, std::string_view path) {
  if (row.match == HostFileMatch::kTree) return is_at_or_below(path, row.path);
  if (!path.starts_with(row.path)) return false;
  const std::string_view rest = path.substr(row.path.size());
  if (row.match == HostFileMatch::kPrefix) return !rest.empty();
  return rest.size() > row.suffix.size() && rest.ends_with(row.suffix) &&
         rest.find('/') == std::string_view::npos;
}

bool is_other_home(std::string_view path) {
  constexpr std::string_view kHome = "/home/";
  return path.size() > kHome.size() && path.starts_with(kHome) &&
         !is_at_or_below(path.substr(kHome.size()), kOwnHome);
}

}  // namespace

std::span<const HostFile> host_files() {
  return kHostFiles;
}

const HostFile* find_host_file(std::string_view path) {
  path = without_proc_root(path);
  constexpr std::string_view kVar = "/var";
  if (is_at_or_below(path, "/var/run")) path.remove_prefix(kVar.size());
  if (is_other_home(path)) return &kOtherHomes;
  for (const HostFile& row : kHostFiles) {
    if (matches(row, path)) return &row;
  }
  return nullptr;
}

}  // namespace carrel::decide
