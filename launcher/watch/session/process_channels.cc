#include "launcher/watch/session/process_channels.h"

#include <utility>

namespace carrel::session {

void ProcessChannels::add_root(uint32_t pid, std::string channel) {
  if (roots_.size() < kMost) roots_[pid] = std::move(channel);
}

/// A process is known by its id, else as a root by its pid, else as the child of a known one.
const std::string* ProcessChannels::find(const events::Process& process) {
  if (process.id == 0) return nullptr;
  const auto known = processes_.find(process.id);
  if (known != processes_.end()) return &known->second;
  const auto root = roots_.find(process.pid);
  const auto parent = processes_.find(process.parent);
  if (processes_.size() >= kMost) return nullptr;
  if (root != roots_.end()) {
    std::string channel = std::move(root->second);
    roots_.erase(root);  // a pid is given again
    return &(processes_[process.id] = std::move(channel));
  }
  if (parent == processes_.end()) return nullptr;
  return &(processes_[process.id] = parent->second);
}

std::string ProcessChannels::of(const events::Event& event) {
  if (!event.process.has_value()) return "";
  const std::string* found = find(*event.process);
  if (found == nullptr) return "";
  std::string channel = *found;
  if (const auto* fork = std::get_if<events::ProcessFork>(&event.data)) {
    if (processes_.size() < kMost) processes_[fork->child] = channel;
  } else if (std::holds_alternative<events::ProcessExit>(event.data)) {
    processes_.erase(event.process->id);
  }
  return channel;
}

}  // namespace carrel::session
