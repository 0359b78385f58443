#include "launcher/watch/session/limit_watch.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

namespace carrel::session {
namespace {

constexpr size_t kMostEnded = 64;
/// Less than a page is no room.
constexpr uint64_t kPage = 4096;

/// The path of a file operation that makes something.
struct PathOf {
  std::string_view operator()(const events::FileOpen& data) const { return data.path; }
  std::string_view operator()(const events::FileMake& data) const { return data.path; }
  std::string_view operator()(const events::FileRename& data) const { return data.to; }
  template <typename Other>
  std::string_view operator()(const Other&) const {
    return "";
  }
};

bool lies_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The deepest volume above a path; past the end where there is none.
size_t volume_of(const std::vector<Volume>& volumes, std::string_view path) {
  size_t best = volumes.size();
  size_t depth = 0;
  const auto look = [&](size_t index, const std::string& at) {
    if (!lies_below(path, at) || (best != volumes.size() && at.size() <= depth)) return;
    best = index;
    depth = at.size();
  };
  for (size_t i = 0; i < volumes.size(); ++i) {
    look(i, volumes[i].path);
    for (const std::string& other : volumes[i].also)
      look(i, other);
  }
  return best;
}

bool is_nearly_used(uint64_t total, uint64_t free) {
  return total - std::min(total, free) >= total - total / 10;
}

}  // namespace

LimitWatch::LimitWatch(std::map<std::string, uint64_t> values, std::vector<Volume> volumes)
    : values_(std::move(values)), volumes_(std::move(volumes)), no_room_(volumes_.size()) {}

LimitWatch::Tally& LimitWatch::tally(std::string_view limit, std::string_view path) {
  return tallies_[{std::string(limit), std::string(path)}];
}

void LimitWatch::hit(Tally& tally, uint64_t count, uint64_t now_ns) {
  if (count == 0) return;
  tally.waiting += count;
  if (!tally.since_ns.has_value()) tally.since_ns = now_ns;
}

void LimitWatch::see(const events::Event& event) {
  const auto* exit = std::get_if<events::ProcessExit>(&event.data);
  const bool ours = ours_from_ns_.has_value() && event.mono_ns >= *ours_from_ns_;
  if (exit != nullptr && exit->signal == SIGKILL && !ours) {
    if (ended_.size() == kMostEnded) ended_.pop_front();
    ended_.push_back({event.mono_ns, event.process.has_value() ? event.process->exe : ""});
  }
  if (event.error == EMFILE) {
    see_refusal(EMFILE, 0, event.process.has_value() ? event.process->exe : "", event.mono_ns);
  }
  if (event.error == ENOSPC || event.error == EDQUOT) {
    const size_t index = volume_of(volumes_, std::visit(PathOf{}, event.data));
    if (index < volumes_.size()) ++no_room_[index];
  }
}

void LimitWatch::see_refusal(int error, uint64_t device, const std::string& exe, uint64_t at_ns) {
  if (error == EMFILE && values_.contains("open_files")) {
    Tally& files = tally("open_files");
    hit(files, 1, at_ns);
    files.object = exe;
  }
  if (error != ENOSPC && error != EDQUOT) return;
  for (size_t i = 0; i < volumes_.size(); ++i) {
    const std::vector<uint64_t>& own = volumes_[i].devices;
    if (device != 0 && std::find(own.begin(), own.end(), device) != own.end()) ++no_room_[i];
  }
}

void LimitWatch::count(std::string_view limit, std::optional<uint64_t> counter, uint64_t now_ns) {
  if (!counter.has_value() || !values_.contains(std::string(limit))) return;
  Tally& tally = this->tally(limit);
  if (*counter > tally.seen) hit(tally, *counter - tally.seen, now_ns);
  tally.seen = *counter;
}

/// The kernel counts the processes it ended and does not name them. The sensor names those that
/// ended by SIGKILL: where these are as many, they are the same ones. True when there is no more to
/// wait for.
bool LimitWatch::name_the_ended(Tally& tally, uint64_t now_ns) {
  while (!ended_.empty() && ended_.front().at_ns + 2 * kNameNs < now_ns)
    ended_.pop_front();
  if (ended_.size() < tally.waiting) return false;
  const std::string& first = ended_.front().exe;
  const bool same = std::all_of(ended_.begin(), ended_.end(),
                                [&first](const Ended& each) { return each.exe == first; });
  if (same) tally.object = first;
  ended_.clear();
  return true;
}

void LimitWatch::say_hits(std::string_view limit, uint64_t used, uint64_t now_ns, bool last,
                          Due& due) {
  Tally& tally = this->tally(limit);
  if (tally.waiting == 0) return;
  const uint64_t quiet = limit == "cpu" ? kQuietCpuNs : kQuietNs;
  if (!last && tally.said_ns.has_value() && now_ns < *tally.said_ns + quiet) return;
  if (limit == "memory" && !name_the_ended(tally, now_ns) && !last &&
      now_ns < *tally.since_ns + kNameNs) {
    return;
  }
  due.push_back({"hit", std::string(limit), values_.at(std::string(limit)), used, tally.waiting,
                 tally.object});
  tally.waiting = 0;
  tally.object.clear();
  tally.since_ns.reset();
  tally.said_ns = now_ns;
}

VolumeUse LimitWatch::granted(size_t index, VolumeUse use) const {
  if (volumes_.at(index).limit != "disk") return use;
  const auto cut = [this](const char* limit, uint64_t& total, uint64_t& free) {
    const auto value = values_.find(limit);
    if (total == 0 || value == values_.end()) return;
    total = value->second;
    free = std::min(free, total);
  };
  cut("disk", use.bytes, use.bytes_free);
  cut("inodes", use.inodes, use.inodes_free);
  return use;
}

/// Full is said when it becomes so, or when the sensor saw something refused; then not again before
/// there was room. Nearly full likewise.
void LimitWatch::look_at(size_t index, const VolumeUse& use, uint64_t now_ns, bool last, Due& due) {
  const Volume& volume = volumes_[index];
  const bool no_inodes = use.inodes != 0 && use.inodes_free == 0;
  const auto look = [&](std::string_view limit, uint64_t total, uint64_t free, uint64_t least,
                        uint64_t refused) {
    Tally& tally = this->tally(limit, volume.path);
    if (total == 0) return;
    const bool full = free < least;
    const bool near = is_nearly_used(total, free);
    const uint64_t used = total - std::min(total, free);
    if (full && !tally.full && refused == 0) refused = 1;
    hit(tally, refused, now_ns);
    const bool quiet = tally.said_ns.has_value() && now_ns < *tally.said_ns + kQuietNs;
    if (tally.waiting != 0 && (last || !quiet)) {
      due.push_back({"hit", std::string(limit), total, used, tally.waiting, volume.path});
      tally.waiting = 0;
      tally.since_ns.reset();
      tally.said_ns = now_ns;
    } else if (near && !tally.near && !full) {
      due.push_back({"near", std::string(limit), total, used, 0, volume.path});
    }
    // One that goes up and down at the mark is said once.
    tally.near = near || (tally.near && used >= total / 10 * 8);
    tally.full = full || (tally.full && near);
  };
  const uint64_t refused = std::exchange(no_room_[index], 0);
  look(volume.limit, use.bytes, use.bytes_free, kPage, no_inodes ? 0 : refused);
  look("inodes", use.inodes, use.inodes_free, 1, no_inodes ? refused : 0);
}

LimitWatch::Due LimitWatch::look(const LimitReading& now, uint64_t now_ns, bool last) {
  count("memory", now.memory_kills, now_ns);
  count("processes", now.refused_processes, now_ns);
  count("cpu", now.cpu_throttled, now_ns);
  Due due;
  say_hits("memory", now.memory_used.value_or(0), now_ns, last, due);
  say_hits("processes", now.processes_used.value_or(0), now_ns, last, due);
  say_hits("cpu", 0, now_ns, last, due);
  say_hits("open_files", 0, now_ns, last, due);
  for (size_t i = 0; i < std::min(volumes_.size(), now.volumes.size()); ++i)
    look_at(i, granted(i, now.volumes[i]), now_ns, last, due);
  return due;
}

std::vector<events::Limit> LimitWatch::take(const LimitReading& now, uint64_t now_ns) {
  return look(now, now_ns, false);
}

std::vector<events::Limit> LimitWatch::finish(const LimitReading& last, uint64_t now_ns) {
  return look(last, now_ns, true);
}

}  // namespace carrel::session
