// The jail of one ssh connection's server: a stock sshd for one client (sshd -i), beside the
// workspace and not in it. It shares nothing with the workspace but the network namespace; what it
// is asked for goes to the session by way of its forced command. sshd(8), sshd_config(5).

#include <algorithm>

#include "launcher/box/plan/frame.h"
#include "launcher/box/plan/landlock.h"
#include "launcher/box/plan/view.h"

namespace carrel::plan {
namespace {

constexpr uint32_t kSshdOfSlot = 4;  // interfaces.md 6: +4
constexpr uint32_t kOwnFile = 0600;

// sshd looks its user up, and runs the forced command by the user's shell.
constexpr const char* kAccounts =
    "root:x:0:0:root:/:/usr/sbin/nologin\n"
    "contractor:x:1000:1000:contractor:/:/carrel-channel\n"
    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
constexpr const char* kGroups = "root:x:0:\ncontractor:x:1000:\nnogroup:x:65534:\n";
constexpr const char* kSwitch = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n";
constexpr const char* kNames = "127.0.0.1 localhost\n::1 localhost\n";

// The post-quantum exchange would cost 100 ms to protect a pipe of this host. Whoever connects has
// been let through by the broker already: the certificate says for which session.
constexpr const char* kConfiguration = R"(HostKey /etc/ssh/host_key
HostKeyAlgorithms ssh-ed25519
KexAlgorithms curve25519-sha256
TrustedUserCAKeys /etc/ssh/authority
AuthorizedPrincipalsFile /etc/ssh/principals
AuthorizedKeysFile none
AuthenticationMethods publickey
PubkeyAcceptedAlgorithms ssh-ed25519-cert-v01@openssh.com
CASignatureAlgorithms ssh-ed25519
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AllowUsers contractor
LoginGraceTime 30
MaxAuthTries 3
MaxSessions 20
ForceCommand /carrel-channel
Subsystem sftp internal-sftp
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitListen none
GatewayPorts no
PermitUserRC no
PermitUserEnvironment no
AcceptEnv LANG
Banner /etc/ssh/notice
PrintMotd no
PrintLastLog no
TCPKeepAlive no
ClientAliveInterval 15
ClientAliveCountMax 4
RekeyLimit 1G 1h
UseDNS no
PidFile none
LogLevel VERBOSE
)";

Limits sshd_limits() {
  Limits limits = default_limits();
  limits.memory_bytes = uint64_t{256} << 20;
  limits.processes = 128;
  limits.open_files = 1024;
  return limits;
}

void add_source(SourceKind kind, std::string_view target, TargetType type, Exec exec,
                SandboxPlan& plan) {
  plan.sources.push_back({kind, "", 0});
  MountStep step;
  step.kind = MountKind::kSource;
  step.target = inside(target);
  step.source = plan.sources.size() - 1;
  step.type = type;
  step.exec = exec;
  plan.mounts.push_back(std::move(step));
}

void add_configuration(const SshdRequest& request, SandboxPlan& plan) {
  add_folder("/etc", plan.mounts);
  add_file("/etc/group", kGroups, plan.mounts);
  add_file("/etc/hosts", kNames, plan.mounts);
  add_file("/etc/nsswitch.conf", kSwitch, plan.mounts);
  add_file("/etc/passwd", kAccounts, plan.mounts);
  add_folder("/etc/ssh", plan.mounts);
  add_file("/etc/ssh/authority", request.authority + "\n", plan.mounts);
  add_file("/etc/ssh/host_key", request.host_key, plan.mounts);
  plan.mounts.back().mode = kOwnFile;
  add_file("/etc/ssh/notice", request.notice, plan.mounts);
  add_file("/etc/ssh/principals", request.principal + "\n", plan.mounts);
  add_file("/etc/ssh/sshd_config", sshd_configuration(request.ports), plan.mounts);
}

/// It stands in files that sshd reads line by line.
bool is_line(std::string_view text) {
  return !text.empty() && text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

std::string sshd_configuration(const std::vector<uint16_t>& ports) {
  // "none" instead of no forwarding at all: what is asked for and refused is said in one way.
  std::string text = std::string(kConfiguration) + "AllowTcpForwarding local\nPermitOpen";
  if (ports.empty()) return text + " none\n";
  for (const uint16_t port : ports) {
    for (const char* host : {" 127.0.0.1:", " localhost:", " [::1]:"})
      text += host + std::to_string(port);
  }
  return text + "\n";
}

Result<SandboxPlan> make_sshd_plan(const HostFacts& facts, const SshdRequest& request) {
  RETURN_IF_ERROR(check_host(facts));
  if (!is_line(request.authority) || !is_line(request.principal)) {
    return Error{"the ssh server's authority or principal is not one line of text"};
  }
  ASSIGN_OR_RETURN(SandboxPlan plan, make_frame(facts, sshd_limits(), request.uid_base));
  // One uid: who answers for the server's processes is the launcher, not an init of its own.
  if (facts.root) plan.uids = UidPlan{request.uid_base + kSshdOfSlot, true};
  add_root(plan.mounts);
  add_system(facts, plan.mounts);
  add_proc(plan.mounts);
  add_dev(Terminals::kPrivate, uint64_t{1} << 20, plan.mounts);
  add_configuration(request, plan);
  add_loader_cache(facts, plan.mounts);
  add_folder("/run", plan.mounts);
  add_source(SourceKind::kChannel, "/run/carrel", TargetType::kFolder, Exec::kForbidden, plan);
  add_source(SourceKind::kChannelProgram, "/carrel-channel", TargetType::kFile, Exec::kAllowed,
             plan);
  plan.environment = {"LANG=C.UTF-8", "PATH=/usr/bin:/bin"};
  plan.landlock = make_landlock(facts.landlock_abi, {inside("/dev/shm")}, true);
  plan.seccomp = SeccompProgram::kSshd;
  if (facts.sensor.back_end == SensorBackEnd::kNotify) plan.watched = Watched::kByListener;
  plan.program = Program::kPath;
  plan.command = {kSshdPath, "-i", "-e", "-f", "/etc/ssh/sshd_config"};
  plan.terminal = Terminal::kPipes;
  plan.guarantees = guarantees(facts, nullptr);
  if (!facts.root) without_idmaps(plan);
  return plan;
}

}  // namespace carrel::plan
