// Ways out that are ready before an opening asks: two programs each, that wait and hold nothing of
// a session's (way_out.h). What depends on network.toml is read at the opening.

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launcher/box/plan/plan.h"
#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr int kEndMs = 2000;
constexpr uint64_t kTurnMs = 1000;

void mark(const std::string& path, std::string& out) {
  struct stat what {};
  if (stat(path.c_str(), &what) != 0) return;
  for (const auto number : {static_cast<int64_t>(what.st_dev), static_cast<int64_t>(what.st_ino),
                            static_cast<int64_t>(what.st_size), int64_t{what.st_mtim.tv_sec},
                            int64_t{what.st_mtim.tv_nsec}})
    out += std::to_string(number) + " ";
}

/// What a way out is started from, as it stands now: an update of the programs counts at once.
std::string made_of(const std::string& folder) {
  std::string out;
  mark(folder + "/carrel-network", out);
  mark(folder + "/carrel-gateway", out);
  mark("/etc/ssl/openssl.cnf", out);  // the gateway has read it before it waits
  return out;
}

}  // namespace

/// How long nothing is to be done unless something happens.
uint64_t Server::look_again_ms(uint64_t now_ms) const {
  if (!due_.empty()) return 0;
  return ways_.look_again_ms(is_opening(), now_ms, std::min(kTurnMs, host_.look_again_ms()));
}

bool Server::is_opening() const {
  return std::any_of(live_.begin(), live_.end(), [](const Live& each) { return !each.started; });
}

/// Beside no opening: starting two programs would cost it more than it saves.
void Server::add_way_aside(uint64_t now_ms) {
  if (stopping_ || !ways_.should_add(is_opening(), now_ms)) return;
  ReadyWay ready;
  std::string from = made_of(parts_.programs.folder);
  if (parts_.facts.root) {
    const auto slot = slots_.take();
    if (!slot) return ways_.fail(now_ms);
    ready.uid_base = *slot;
  }
  Result<WayOut> way = WayOut::start(parts_.programs.folder, parts_.porter,
                                     plan::uid_plan(parts_.facts, ready.uid_base).gateway_host());
  if (!way.ok()) {
    parts_.log("ways.failed why=" + quoted(to_string(way.error())));
    slots_.give_back(ready.uid_base);
    return ways_.fail(now_ms);
  }
  ready.way = way.take();
  ways_.add(std::move(ready), std::move(from));
}

/// Its gateway is of a slot already, which becomes the opening's. Without one the opening starts
/// its own.
void Server::take_way(Opening& opening, Live& live, uint64_t now_ms) {
  if (opening.profile.networks.empty()) return;
  ways_.need();
  std::vector<ReadyWay> dropped;
  auto ready = ways_.take(
      made_of(parts_.programs.folder), [](const ReadyWay& each) { return each.way.waits(); },
      dropped);
  if (!dropped.empty()) {
    const bool failed = std::any_of(dropped.begin(), dropped.end(),
                                    [](const ReadyWay& each) { return !each.way.waits(); });
    if (failed) ways_.fail(now_ms);
    parts_.log("ways.dropped count=" + std::to_string(dropped.size()) +
               " why=" + quoted(failed ? "ended by itself" : "the programs are others now"));
    end_ways(std::move(dropped));
  }
  if (!ready.has_value()) return;
  opening.way.emplace(std::move(ready->way));
  live.uid_base = ready->uid_base;
}

/// Its own of a way out that was ready, where it has one.
Status Server::take_slots(Opening& opening, Live& live) {
  if (live.uid_base == 0) live.uid_base = slots_.take().value_or(0);
  live.slicer_uid_base = slots_.take().value_or(0);
  if (live.uid_base == 0 || live.slicer_uid_base == 0)
    return Error{"too many sessions at once", EAGAIN};
  opening.uid_base = live.uid_base;
  opening.slicer_uid_base = live.slicer_uid_base;
  return Done{};
}

/// Their uids are free once nothing runs as them.
void Server::end_ways(std::vector<ReadyWay> ways) {
  for (ReadyWay& each : ways) {
    if (each.way.end(kEndMs)) {
      slots_.give_back(each.uid_base);
    } else {
      parts_.log("ways.stay uid=" + std::to_string(each.uid_base));
    }
  }
}

}  // namespace carrel::service
