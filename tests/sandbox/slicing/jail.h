#pragma once
// carrel-slicer as the launcher runs it: in an internal workspace, on a repository that the git
// binary made. As root with an uid of its own and into a folder of the on-disk owner; of an
// ordinary user all is that user's.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/probe/probe.h"
#include "launcher/box/sandbox/sandbox.h"
#include "launcher/service/slicing.h"
#include "profiles/base/check.h"
#include "tests/sandbox/box/stand.h"
#include "tests/support/folder.h"
#include "tests/support/mode.h"

namespace carrel::service {

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << to_string(result.error());
  CHECK(result.ok());
  return result.take();
}

inline std::vector<model::PathEntry> entries(const std::vector<std::string>& paths) {
  std::vector<model::PathEntry> out;
  for (const std::string& path : paths)
    out.push_back({must(RelPath::parse(path)), {}});
  return out;
}

/// A command of the shell; its exit status, and what it said on either stream.
struct Ran {
  int code = -1;
  std::string said;
};

inline Ran run_shell(const std::string& command) {
  FILE* out = popen(("umask 022; { " + command + "\n} 2>&1").c_str(), "r");
  CHECK(out != nullptr);
  Ran ran;
  for (int c = fgetc(out); c != EOF; c = fgetc(out))
    ran.said += static_cast<char>(c);
  const int status = pclose(out);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class SlicerJail : public ::testing::Test {
 protected:
  void SetUp() override {
    // A caller opens the repository where the launcher does not live any more. The namespace is
    // left for the whole process, which ctest starts once for each case.
    ASSERT_EQ(mkdir((folder_ / "source").c_str(), 0755), 0);
    source_fd_.reset(open((folder_ / "source").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (geteuid() == 0) namespaces_.emplace(must(kernel::leave_mount_namespace()));
    if (geteuid() != 0) support::take_stand();
    ASSERT_EQ(setenv("HOME", (folder_ / "home").c_str(), 1), 0);
    ASSERT_EQ(setenv("GIT_CONFIG_NOSYSTEM", "1", 1), 0);
    ASSERT_EQ(setenv("LC_ALL", "C.UTF-8", 1), 0);
    ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
    facts_ = probe::probe_host();
    facts_.sensor =
        is_root() ? plan::SensorFacts{plan::SensorBackEnd::kSyscall, "not loaded by this test"}
                  : plan::sensor_of_ordinary_user(facts_);
    if (is_root()) make_cgroups();
    filters_.emplace(must(kernel::SeccompPrograms::compile(is_root() ? kernel::Listener::kNone
                                                                     : kernel::Listener::kAsked)));
    init_ = must(sandbox::load_init(support::built("libexec/carrel/carrel-init")));
    slicer_ = must(sandbox::load_init(support::built("libexec/carrel/carrel-slicer")));
    shell(
        "git init -q -b main source && git -C source config user.name tester"
        " && git -C source config user.email tester@example.org");
    repository_.name = "app";
    repository_.ref = "main";
  }
  void TearDown() override {
    if (cgroups_) cgroups_->remove();
  }

  [[nodiscard]] bool is_root() const { return facts_.root; }
  /// Runs it in the test's folder; it must succeed.
  std::string shell(const std::string& command) {
    const Ran ran = run_shell("cd " + folder_.path() + " && " + command);
    EXPECT_EQ(ran.code, 0) << command << "\n" << ran.said;
    return ran.said;
  }
  void put(const std::string& path, const std::string& text) {
    shell("mkdir -p \"$(dirname source/" + path + ")\"");
    std::ofstream(folder_ / ("source/" + path), std::ios::binary) << text;
  }
  void commit_source() { shell("git -C source add -A && git -C source commit -q -m words"); }

  SliceJob job() {
    SliceJob job;
    job.repository = &repository_;
    job.repository_fd = source_fd_.get();
    job.namespaces = namespaces_ ? &*namespaces_ : &support::take_stand();
    job.uid_base = is_root() ? plan::kBlockBase + 8 : 0;
    job.idmaps = is_root();
    job.cgroups = cgroups_ ? &*cgroups_ : nullptr;
    job.cgroup_name = "slicer";
    job.init_fd = init_.get();
    job.slicer_fd = slicer_.get();
    job.filters = &*filters_;
    return job;
  }
  /// A slice into the folder "slice"; false, with the failure noted, where there is none.
  bool slice() {
    const std::string path = folder_ / "slice";
    EXPECT_EQ(mkdir(path.c_str(), 0755), 0);
    if (is_root()) {
      EXPECT_EQ(chown(path.c_str(), plan::kOnDiskOwner, plan::kOnDiskOwner), 0);
    }
    output_.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    SliceJob with_output = job();
    with_output.output_fd = output_.get();
    return make_slice(facts_, with_output, &failure_).ok();
  }

  support::Folder folder_;
  plan::HostFacts facts_;
  model::Repository repository_;
  SliceFailure failure_;
  UniqueFd output_;

 private:
  void make_cgroups() {
    const auto below = [](const std::string& folder, const std::string& name) {
      return name == "/" ? folder : folder + name;
    };
    cgroups_.emplace(must(kernel::CgroupFolder::create(
        {below(facts_.cgroup.unified, facts_.cgroup.own), facts_.cgroup.memory_v1,
         facts_.cgroup.pids_v1, facts_.cgroup.memory_v2, facts_.cgroup.pids_v2},
        "carrel-test-slicing-" + std::to_string(getpid()))));
  }

  std::optional<kernel::MountNamespaces> namespaces_;  // root's
  std::optional<kernel::CgroupFolder> cgroups_;        // root's
  std::optional<kernel::SeccompPrograms> filters_;
  UniqueFd init_, slicer_, source_fd_;
};

}  // namespace carrel::service
