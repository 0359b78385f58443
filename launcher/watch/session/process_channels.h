#pragma once
// On which channel a process was started: that of the command it descends from. Pure.

#include <cstdint>
#include <map>
#include <string>

#include "broker/record/events/event.h"

namespace carrel::session {

class ProcessChannels {
 public:
  /// Processes remembered at most; of more than these the channel is not known ("").
  static constexpr size_t kMost = 65536;

  /// The first process of an attached command, by its pid as the sensor sees it.
  void add_root(uint32_t pid, std::string channel);
  /// The channel of what the event's process did; "" is the first command's, or not known. Events
  /// come in the order in which they happened.
  std::string of(const events::Event& event);

 private:
  const std::string* find(const events::Process& process);

  std::map<uint32_t, std::string> roots_;      // by pid, until it is seen
  std::map<uint32_t, std::string> processes_;  // by id, of attached commands only
};

}  // namespace carrel::session
