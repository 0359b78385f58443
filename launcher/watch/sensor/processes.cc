#include "launcher/watch/sensor/processes.h"

namespace carrel::sensor {

void Processes::make_room() {
  while (ended_.size() > kEndedKept || (entries_.size() >= kLimit && !ended_.empty())) {
    const auto old = entries_.find(ended_.front().tgid);
    if (old != entries_.end() && old->second.start_ns == ended_.front().start_ns) {
      entries_.erase(old);
    }
    ended_.pop_front();
  }
  // Only when exits were lost: a forgotten process gets another id when it is seen again.
  if (entries_.size() >= kLimit) entries_.erase(entries_.begin());
}

Processes::Entry& Processes::entry(ProcessKey key) {
  const auto known = entries_.find(key.tgid);
  if (known != entries_.end() && known->second.start_ns == key.start_ns) return known->second;
  make_room();
  Entry fresh;
  fresh.start_ns = key.start_ns;
  fresh.process.id = next_id_++;
  fresh.process.pid = key.tgid;
  return entries_.insert_or_assign(key.tgid, std::move(fresh)).first->second;
}

const events::Process& Processes::at(ProcessKey key) {
  return entry(key).process;
}

uint32_t Processes::fork(ProcessKey parent, ProcessKey child) {
  const events::Process from = entry(parent).process;
  Entry& made = entry(child);
  made.process.parent = from.id;
  made.process.exe = from.exe;
  return made.process.id;
}

void Processes::exec(ProcessKey key, std::string exe) {
  entry(key).process.exe = std::move(exe);
}

bool Processes::exit(ProcessKey key) {
  Entry& it = entry(key);
  if (it.ended) return false;
  it.ended = true;
  ended_.push_back(key);
  return true;
}

}  // namespace carrel::sensor
