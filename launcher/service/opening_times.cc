// When a session may begin, and when it ends whatever its command does.

#include <time.h>

#include "launcher/service/opener.h"
#include "profiles/base/rfc3339.h"
#include "profiles/hours/hours.h"

namespace carrel::service {
namespace {

constexpr int kNotGranted = 121;

uint64_t real_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

hours::Window window_of(const model::Hours& hours) {
  return {hours.days, hours.from_min, hours.to_min, hours.zone};
}

void add_moment(protocol::SessionConfig& config, const char* limit, const std::string& words,
                uint64_t until_ns) {
  protocol::TimeMoment* moment = config.add_moments();
  moment->set_limit(limit);
  moment->set_words(words);
  moment->set_until_ns(until_ns);
}

}  // namespace

/// A host that does not know the zone lets nobody in.
Status Opener::check_hours() {
  if (!opening_.profile.session.hours.has_value()) return Done{};
  const hours::Window window = window_of(*opening_.profile.session.hours);
  code_ = kHostCannot;
  ASSIGN_OR_RETURN(const hours::Answer answer, hours::look(window, real_ns()));
  hours_end_ns_ = answer.until_ns;
  if (answer.open) return Done{};
  code_ = kNotGranted;
  const std::string start =
      "outside the hours of this task (" + hours::words_of(window) + "); it opens ";
  if (answer.opens_ns == 0) return Error{start + "never"};
  ASSIGN_OR_RETURN(const std::string next, hours::wall_clock_text(window.zone, answer.opens_ns));
  return Error{start + "next on " + next};
}

void Opener::add_times(protocol::SessionConfig& config) const {
  config.set_idle_timeout_s(opening_.profile.session.idle_timeout_s);
  if (hours_end_ns_ != 0) {
    add_moment(config, "hours", hours::words_of(window_of(*opening_.profile.session.hours)),
               hours_end_ns_);
  }
  if (const uint64_t until_ns = opening_.spec.task_until_ns(); until_ns != 0) {
    add_moment(config, "task", "until " + to_rfc3339(until_ns).substr(0, 19) + "Z", until_ns);
  }
}

}  // namespace carrel::service
