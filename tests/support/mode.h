#pragma once
// In which mode a test runs (main.cc), and where who runs it finds what was built.

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace carrel::support {

/// The ordinary user of tests; in no passwd file: no host gives such an uid anything.
inline constexpr uid_t kUser = 12345;
/// Programs for that user where the build folder is out of its reach.
inline constexpr const char* kProgramsVariable = "CARREL_TEST_PROGRAMS";

/// An ordinary user runs the test, not root.
inline bool is_rootless() {
  const char* mode = getenv("CARREL_TEST_MODE");
  return mode != nullptr && strcmp(mode, "rootless") == 0;
}

/// Of root. As after a login: the process can be looked into, and may map its own ids.
inline bool become_user() {
  return setgroups(0, nullptr) == 0 && setresgid(kUser, kUser, kUser) == 0 &&
         setresuid(kUser, kUser, kUser) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

/// A file below the build folder: "libexec/carrel/carrel-init", "tests/payload_box_probe".
inline std::string built(const std::string& name) {
  const char* programs = getenv(kProgramsVariable);
  return (programs == nullptr ? CARREL_BINARY_DIR : programs) + ("/" + name);
}

}  // namespace carrel::support
