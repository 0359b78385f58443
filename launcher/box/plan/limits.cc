#include "launcher/box/plan/limits.h"

#include <algorithm>
#include <array>

namespace carrel::plan {
namespace {

/// carrel-init is in the group and not the contractor's.
constexpr uint64_t kOwnProcesses = 1;

/// The largest unit of which it is a whole number; of what is measured, with one decimal.
std::string bytes_text(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes >> (10 * (unit + 1)) != 0)
    ++unit;
  const uint64_t one = uint64_t{1} << (10 * unit);
  std::string text = std::to_string(bytes / one);
  if (bytes % one != 0) text += "." + std::to_string(bytes % one * 10 / one);
  return text + " " + std::string(kUnits.at(unit));
}

std::string milli_text(uint64_t milli) {
  std::string decimals = std::to_string(1000 + milli % 1000).substr(1);
  while (decimals.size() > 1 && decimals.back() == '0')
    decimals.pop_back();
  return std::to_string(milli / 1000) + "." + decimals;
}

}  // namespace

Ceilings ceilings_of(const CgroupFacts& facts, const Limits& limits) {
  Ceilings ceilings;
  if (facts.pids_v2 || !facts.pids_v1.empty()) {
    ceilings.processes = limits.processes + kOwnProcesses;
  }
  if (facts.memory_v2 || !facts.memory_v1.empty()) ceilings.memory_bytes = limits.memory_bytes;
  if (facts.cpu_v2 || !facts.cpu_v1.empty()) ceilings.cpu_milli = limits.cpu_milli;
  return ceilings;
}

std::string amount_text(std::string_view limit, uint64_t value) {
  if (limit == "cpu") return milli_text(value);
  const bool bytes = limit == "memory" || limit == "disk" || limit == "tmpfs";
  return bytes ? bytes_text(value) : std::to_string(value);
}

std::string limits_text(const Limits& limits) {
  std::string text = amount_text("processes", limits.processes) + " processes, " +
                     amount_text("memory", limits.memory_bytes) + " of memory with swap";
  if (limits.cpu_milli != 0) text += ", " + amount_text("cpu", limits.cpu_milli) + " processors";
  return text + ", " + amount_text("open_files", limits.open_files) + " open files a process, " +
         amount_text("tmpfs", limits.tmpfs_bytes) + " in each tmpfs";
}

}  // namespace carrel::plan
