#pragma once
// A session's sensor for tests: a cgroup of its own, a tracer, children that are born in the
// cgroup.

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "launcher/box/trace/tracer.h"
#include "launcher/watch/sensor/counters.h"
#include "launcher/watch/sensor/reader.h"
#include "launcher/watch/sensor/ring.h"
#include "profiles/base/check.h"
#include "profiles/base/unique_fd.h"
#include "tests/sandbox/sensor/describe.h"

namespace carrel::sensor {

/// The v2 tree of this host, "" when there is none.
inline std::string cgroup_tree() {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, where, type, rest;
  while (mounts >> device >> where >> type && std::getline(mounts, rest)) {
    if (type == "cgroup2") return where;
  }
  return "";
}

/// CARREL-TEST-FOLDER/session, both removed at the end.
class TestCgroup {
 public:
  TestCgroup() : folder_(cgroup_tree() + "/carrel-test-sensor-" + std::to_string(getpid())) {
    CHECK(mkdir(folder_.c_str(), 0700) == 0);
    CHECK(mkdir(path().c_str(), 0700) == 0);
    fd_.reset(open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(fd_.valid());
  }
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;
  ~TestCgroup() {
    rmdir((path() + "/nested").c_str());
    rmdir((folder_ + "/channel").c_str());
    rmdir(path().c_str());
    rmdir(folder_.c_str());
  }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string path() const { return folder_ + "/session"; }
  /// A cgroup beside the session's, for one channel.
  [[nodiscard]] std::string make_channel() const {
    CHECK(mkdir((folder_ + "/channel").c_str(), 0700) == 0);
    return folder_ + "/channel";
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  static uint64_t id(const std::string& path) {
    struct stat info {};
    CHECK(stat(path.c_str(), &info) == 0);
    return info.st_ino;
  }
  [[nodiscard]] uint64_t folder_id() const { return id(folder_); }
  [[nodiscard]] uint64_t session_id() const { return id(path()); }

 private:
  std::string folder_;
  UniqueFd fd_;
};

/// A child born in the cgroup (-1: in the caller's). Runs `body` and exits with what it returns.
inline pid_t spawn(int cgroup_fd, const std::function<int()>& body) {
  clone_args args{};
  args.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = static_cast<unsigned>(cgroup_fd);
  }
  const long pid = syscall(SYS_clone3, &args, sizeof args);
  CHECK(pid >= 0);
  if (pid == 0) _exit(body());
  return static_cast<pid_t>(pid);
}

inline int wait_for(pid_t pid) {
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

/// One loaded and attached tracer with one session.
class TestSession {
 public:
  explicit TestSession(std::vector<trace::RefusedCall> refused = {}, uint32_t ring_bytes = 2U << 20)
      : options_{.folder_id = cgroup_.folder_id(),
                 .folder_level = 1,
                 .refused = std::move(refused),
                 .ring_bytes = ring_bytes,
                 .folder = cgroup_.folder()} {
    auto loaded = trace::Tracer::load(options_);
    if (!loaded.ok()) {
      error_ = to_string(loaded.error());
      return;
    }
    tracer_ = loaded.take();
    auto opened = tracer_->open_session(cgroup_.session_id());
    if (!opened.ok()) {
      error_ = to_string(opened.error());
      return;
    }
    sensor_ = opened.take();
    CHECK(tracer_->attach().ok());
    counters_ = std::make_unique<Counters>(Counters::map(sensor_.counters_fd.get()).take());
  }

  /// Runs `prepare` in a child inside the cgroup, arms, then runs `act` there. The exit status.
  int run(const std::function<void()>& prepare, const std::function<int()>& act) {
    int ready[2], go[2];
    CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
    const pid_t pid = spawn(cgroup_.fd(), [&] {
      char byte = 0;
      prepare();
      if (write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1) return 99;
      return act();
    });
    char byte = 0;
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(tracer_->arm(sensor_.slot).ok());
    CHECK(write(go[1], "g", 1) == 1);
    const int status = wait_for(pid);
    for (int fd : {ready[0], ready[1], go[0], go[1]})
      close(fd);
    return status;
  }

  /// What the ring holds, read on this thread.
  std::vector<Observation> drain() {
    std::vector<Observation> out;
    auto ring = Ring::map(sensor_.ring_fd.get(), sensor_.ring_bytes);
    CHECK(ring.ok());
    Ring mapped = ring.take();
    for (std::string_view records = mapped.peek(1U << 20); !records.empty();
         records = mapped.peek(1U << 20)) {
      reader_.feed(records, out);
      mapped.release(records.size());
    }
    return out;
  }

  [[nodiscard]] const std::string& error() const { return error_; }
  trace::Tracer& tracer() { return *tracer_; }
  trace::SessionSensor& sensor() { return sensor_; }
  Counters& counters() { return *counters_; }
  Reader& reader() { return reader_; }
  TestCgroup& cgroup() { return cgroup_; }

 private:
  TestCgroup cgroup_;
  trace::TracerOptions options_;
  std::unique_ptr<trace::Tracer> tracer_;
  trace::SessionSensor sensor_;
  std::unique_ptr<Counters> counters_;
  Reader reader_;
  std::string error_;
};

}  // namespace carrel::sensor
