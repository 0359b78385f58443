#pragma once
// The kernel's own count of what a session's sensor produced and lost, read from a read-only
// mapping.

#include <array>
#include <cstdint>
#include <string_view>

#include "launcher/watch/sensor/wire.h"
#include "profiles/base/result.h"

namespace carrel::sensor {

/// Counts per record type (carrel_type).
using Counts = std::array<uint64_t, CARREL_TYPES>;

/// Sum over all types.
uint64_t total(const Counts& counts);
/// "file.open" …, as in the event types; "dir" for definitions, "net.flow" for who connects a
/// socket,
/// "" for numbers that no type has.
std::string_view record_name(size_t type);

/// produced and lost are two counters of the kernel, never derived from each other. For a session
/// at rest produced = recorded (Reader) + lost, per type.
class Counters {
 public:
  /// Borrows the descriptor only for the call.
  static Result<Counters> map(int counters_fd);
  Counters(Counters&& other) noexcept;
  Counters& operator=(Counters&&) = delete;
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;
  ~Counters();

  [[nodiscard]] Counts produced() const;
  [[nodiscard]] Counts lost() const;
  /// Of a sensor outside the kernel: it ended because its workspace did.
  [[nodiscard]] bool over() const;

 private:
  explicit Counters(const carrel_counters* page) : page_(page) {}
  const carrel_counters* page_;
};

}  // namespace carrel::sensor
