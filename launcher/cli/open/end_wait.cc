#include "launcher/cli/open/end_wait.h"

#include <time.h>

#include <cstdio>

#include "profiles/base/text.h"

namespace carrel::open {
namespace {

constexpr uint64_t kMostMs = 60'000;
constexpr uint64_t kUnsaidMs = 300;  // most have ended by then
constexpr uint64_t kOftenMs = 2000;
constexpr timespec kOften{0, 100'000'000};
constexpr timespec kSeldom{0, 500'000'000};

uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace

bool EndWait::turn(const std::string& session) {
  const uint64_t now = now_ms();
  const uint64_t waited = now - began_ms_.value_or(now);
  began_ms_ = now - waited;
  if (waited >= kMostMs) return false;
  if (waited >= kUnsaidMs && !said_) {
    said_ = true;
    const std::string who = session.empty() ? "the last session" : "session " + quoted(session);
    fprintf(stderr,
            "carrel: %s of this task is ending: waiting for its record to be closed (Ctrl-C "
            "leaves)\n",
            who.c_str());
  }
  const timespec pause = waited < kOftenMs ? kOften : kSeldom;
  nanosleep(&pause, nullptr);
  return true;
}

}  // namespace carrel::open
