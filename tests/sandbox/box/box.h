#pragma once
// One real workspace for a test: the plan that make_plan gives on this host to whoever runs the
// test, with a working tree in a folder of its own and a read-only entry over it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/box/init/init_plan.h"
#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/probe/probe.h"
#include "launcher/box/sandbox/sandbox.h"
#include "launcher/service/notifier.h"
#include "profiles/base/check.h"
#include "tests/sandbox/box/stand.h"
#include "tests/support/folder.h"
#include "tests/support/mode.h"

namespace carrel::sandbox {

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << to_string(result.error());
  CHECK(result.ok());
  return result.take();
}

/// From where a launcher stands. An ordinary user's has a sensor; root's is the kernel's own.
inline const plan::HostFacts& host() {
  static const plan::HostFacts facts = [] {
    support::take_stand();
    plan::HostFacts found = probe::probe_host();
    found.storage = {plan::StorageKind::kFolder, "a plain folder in this test"};
    found.sensor = found.root
                       ? plan::SensorFacts{plan::SensorBackEnd::kSyscall, "not loaded by this test"}
                       : plan::sensor_of_ordinary_user(found);
    return found;
  }();
  return facts;
}

/// Who owns on disk what a workspace keeps.
inline uint32_t disk_owner() {
  return host().root ? plan::kOnDiskOwner : 0;
}

class Box {
 public:
  explicit Box(std::vector<std::string> command, plan::Terminal streams = plan::Terminal::kPipes) {
    if (host().root) {
      folder_.emplace(must(kernel::CgroupFolder::create(
          {below(host().cgroup.unified, host().cgroup.own), host().cgroup.memory_v1,
           host().cgroup.pids_v1, host().cgroup.memory_v2, host().cgroup.pids_v2,
           host().cgroup.cpu_v1, host().cgroup.cpu_v2, host().cgroup.swap_counted},
          "carrel-test-box-" + std::to_string(getpid()))));
    } else {
      notifier_.emplace(
          must(service::Notifier::start(support::built("libexec/carrel/carrel-notify"))));
    }
    model::Profile profile;
    profile.name = "demo";
    profile.version = 1;
    model::Repository repository;
    repository.name = "engine";
    profile.repositories.push_back(repository);
    plan::PlanRequest request;
    request.uid_base = host().root ? plan::kBlockBase + 8 : 0;
    request.repositories = {
        {"engine", {{RelPath::parse("docs").take(), plan::TargetType::kFolder}}}};
    request.command = std::move(command);
    request.terminal = streams;
    plan = must(plan::make_plan(profile, host(), request));
  }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;
  ~Box() {
    end();
    if (folder_.has_value()) folder_->remove();
  }

  /// Everything up to the gate; `plan` may have been changed before.
  Result<Done> start() {
    UniqueFd map;
    if (host().root) {
      cgroup_.emplace(must(kernel::CgroupLeaf::create(
          *folder_, "session",
          {plan.ceilings.memory_bytes, plan.ceilings.processes, plan.ceilings.cpu_milli})));
      map = must(kernel::make_id_map({plan::kOnDiskOwner, plan.uids.payload_host()}));
    }
    const UniqueFd network = must(kernel::new_network());
    const UniqueFd init = must(load_init(support::built("libexec/carrel/carrel-init")));
    std::array<int, 2> control{}, gate{}, output{};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) == 0);
    CHECK(pipe2(gate.data(), O_CLOEXEC) == 0 && pipe2(output.data(), O_CLOEXEC) == 0);
    control_.reset(control[0]);
    gate_.reset(gate[1]);
    output_.reset(output[0]);
    const UniqueFd init_control(control[1]), gate_end(gate[0]), output_end(output[1]);
    const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    Resources resources;
    resources.network_fd = network.get();
    resources.cgroup = cgroup_.has_value() ? &*cgroup_ : nullptr;
    resources.sources = make_sources();
    resources.idmap_fd = map.get();
    resources.control_fd = init_control.get();
    resources.gate_fd = gate_end.get();
    resources.stdin_fd = null.get();
    resources.stdout_fd = output_end.get();
    resources.stderr_fd = output_end.get();
    resources.init_fd = init.get();
    if (notifier_.has_value()) resources.sensor_fd = notifier_->listener_fd();
    Result<Running> running = sandbox::start(plan, resources);
    if (!running.ok()) {
      end_sensor();
      EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
      return running.take_error();
    }
    running_ = running.take();
    if (notifier_.has_value()) notifier_->let_go_of_listener();
    return Done{};
  }

  /// The next record; type 0 when carrel-init has gone. A pty's master is kept in `terminal`.
  init::Record next() {
    init::Record record{};
    iovec part{&record, sizeof record};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    if (recvmsg(control_.get(), &message, MSG_CMSG_CLOEXEC) != sizeof record) return {};
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&message); rights != nullptr) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(rights), sizeof fd);
      terminal.reset(fd);
    }
    return record;
  }
  void open_gate() { CHECK(write(gate_.get(), "g", 1) == 1); }
  void shut_gate() { gate_.reset(); }
  void signal(int number) {
    const init::Record record{init::RecordType::kSignal, number, 0, 0};
    CHECK(send(control_.get(), &record, sizeof record, MSG_NOSIGNAL) == sizeof record);
  }

  /// Starts it, opens the gate, and answers with the wait status of the main command.
  int run() {
    const Status started = start();
    EXPECT_TRUE(started.ok()) << (started.ok() ? "" : to_string(started.error()));
    if (!started.ok()) return -1;
    init::Record record = next();
    if (record.type == init::RecordType::kPty) record = next();
    EXPECT_EQ(record.type, init::RecordType::kReady)
        << "step " << record.a << " errno " << record.b;
    open_gate();
    record = next();
    EXPECT_EQ(record.type, init::RecordType::kExited) << record.a << " " << record.b;
    return record.a;
  }
  /// What the payload wrote, after everything in the workspace has ended.
  std::string output() {
    end();
    std::string text;
    std::array<char, 4096> part{};
    ssize_t got = 0;
    while ((got = read(output_.get(), part.data(), part.size())) > 0)
      text.append(part.data(), static_cast<size_t>(got));
    return text;
  }
  /// The working tree as it is on disk, past root's idmap.
  [[nodiscard]] int tree() const { return tree_.get(); }
  /// Kills what is left; proves that nothing is, and that the cgroup can be removed.
  void end() {
    const Status killed =
        cgroup_.has_value() ? cgroup_->kill_all(kEndMs) : end_by_init(running_, kEndMs);
    EXPECT_TRUE(killed.ok()) << (killed.ok() ? "" : to_string(killed.error()));
    if (running_.pid > 0) waitpid(running_.pid, nullptr, 0);
    running_ = {};
    end_sensor();
    if (!cgroup_.has_value()) return;
    const Status removed = cgroup_->remove();
    EXPECT_TRUE(removed.ok()) << (removed.ok() ? "" : to_string(removed.error()));
    cgroup_.reset();
  }
  [[nodiscard]] pid_t pid() const { return running_.pid; }
  /// An ordinary user's, until the end.
  [[nodiscard]] const service::Notifier& sensor() const { return *notifier_; }

  plan::SandboxPlan plan;
  UniqueFd terminal;

 private:
  static constexpr int kEndMs = 10'000;

  static std::string below(const std::string& folder, const std::string& name) {
    return name == "/" ? folder : folder + name;
  }
  static void put(int folder, const char* name, const std::string& text) {
    const UniqueFd file(openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    CHECK(file.valid() &&
          write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    CHECK(fchown(file.get(), disk_owner(), disk_owner()) == 0);
  }
  /// It ends with the workspace, by itself.
  void end_sensor() {
    if (!notifier_.has_value()) return;
    notifier_->let_go_of_listener();
    notifier_->reap(kEndMs);
    notifier_.reset();
  }
  std::vector<UniqueFd> make_sources() {
    const kernel::TmpfsOptions options{disk_owner(), disk_owner(), 0755, 64 << 20, 64};
    tree_.reset(open(files_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(tree_.valid() && fchown(tree_.get(), disk_owner(), disk_owner()) == 0);
    UniqueFd entry = must(kernel::new_tmpfs(options));
    put(tree_.get(), "probe", file_text(support::built("tests/payload_box_probe")));
    CHECK(mkdirat(tree_.get(), "docs", 0755) == 0);
    put(entry.get(), "text", "read me\n");
    CHECK(fchownat(tree_.get(), "docs", disk_owner(), disk_owner(), 0) == 0);
    CHECK(mkdir((home_.path() + "/home").c_str(), 0700) == 0);
    CHECK(chown((home_.path() + "/home").c_str(), disk_owner(), disk_owner()) == 0);
    const UniqueFd home(open((home_.path() + "/home").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::vector<UniqueFd> sources;  // in the plan's order
    sources.push_back(must(kernel::clone_tree(home.get(), kernel::Tree::kOne)));
    sources.push_back(must(kernel::new_tmpfs(options)));  // of the socket; nobody listens
    const UniqueFd program(
        open(support::built("libexec/carrel/carrel-inside").c_str(), O_PATH | O_CLOEXEC));
    sources.push_back(must(kernel::clone_tree(program.get(), kernel::Tree::kOne)));
    sources.push_back(must(kernel::clone_tree(tree_.get(), kernel::Tree::kOne)));
    sources.push_back(std::move(entry));
    return sources;
  }

  support::Folder files_;
  std::optional<kernel::CgroupFolder> folder_;  // root's
  std::optional<kernel::CgroupLeaf> cgroup_;
  std::optional<service::Notifier> notifier_;  // an ordinary user's
  UniqueFd control_, gate_, output_, tree_;
  support::Folder home_;
  Running running_;
};

}  // namespace carrel::sandbox
