#include "launcher/watch/sensor/counters.h"

#include <sys/mman.h>

#include <numeric>
#include <utility>

namespace carrel::sensor {
namespace {

Counts copy(const carrel_u64 (&from)[CARREL_TYPES]) {
  Counts counts{};
  for (size_t type = 0; type < counts.size(); ++type) {
    counts[type] = __atomic_load_n(&from[type], __ATOMIC_ACQUIRE);
  }
  return counts;
}

}  // namespace

uint64_t total(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

std::string_view record_name(size_t type) {
  constexpr std::array<std::string_view, 16> kNames = {"",
                                                       "dir",
                                                       "process.exec",
                                                       "process.exec_failed",
                                                       "process.exit",
                                                       "process.fork",
                                                       "file.open",
                                                       "file.close",
                                                       "file.rename",
                                                       "file.unlink",
                                                       "file.make",
                                                       "file.enter",
                                                       "file.probe",
                                                       "net.connect",
                                                       "process.refused",
                                                       "net.flow"};
  return type < kNames.size() ? kNames[type] : std::string_view();
}

Result<Counters> Counters::map(int counters_fd) {
  void* page = mmap(nullptr, sizeof(carrel_counters), PROT_READ, MAP_SHARED, counters_fd, 0);
  if (page == MAP_FAILED) return errno_error("mmap sensor counters");
  return Counters(static_cast<const carrel_counters*>(page));
}

Counters::Counters(Counters&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

Counters::~Counters() {
  if (page_ != nullptr) munmap(const_cast<carrel_counters*>(page_), sizeof(carrel_counters));
}

Counts Counters::produced() const {
  return copy(page_->produced);
}
Counts Counters::lost() const {
  return copy(page_->lost);
}
bool Counters::over() const {
  return __atomic_load_n(&page_->over, __ATOMIC_ACQUIRE) != 0;
}

}  // namespace carrel::sensor
