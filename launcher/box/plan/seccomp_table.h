#pragma once
// The one table of what the kernel answers to a system call from a workspace. The filter is
// compiled from it (launcher/box/kernel/seccomp_filter), the recorder explains refusals with it,
// reviewers read it printed, and a test runs the compiled filter over every row of it. seccomp(2).

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::plan {

inline constexpr uint32_t kArchX86_64 = 0xC000003E;  // AUDIT_ARCH_X86_64
inline constexpr uint32_t kX32Bit = 0x40000000;      // __X32_SYSCALL_BIT

enum class Action { kAllow, kErrno, kKillProcess };

/// Quiet refusals are for compatibility (a library tries and falls back): they are no event.
enum class Report { kEvent, kQuiet };

/// (low 32 bits of the argument & mask) == value. The kernel ignores or refuses the high half of
/// every argument that these rows look at; a filter that looked at it could be talked round.
struct Compare {
  uint8_t argument = 0;
  uint32_t mask = 0xFFFFFFFF;
  uint32_t value = 0;
};

/// A row's exception: where all compares hold (at most one per argument), this is the answer.
struct Clause {
  std::vector<Compare> when;
  Action action = Action::kAllow;
  int error = 0;
  Report report = Report::kEvent;
  std::string_view reason;
};

/// The first clause that holds answers, else the row itself. Clauses of a row whose own action is
/// kAllow look at one and the same argument with a full mask.
struct Row {
  std::string_view name;
  uint32_t number = 0;
  Action action = Action::kAllow;
  int error = 0;
  Report report = Report::kEvent;
  std::string_view reason;
  std::vector<Clause> clauses;
};

/// Rows by ascending number. A number without a row is unknown: ENOSYS, so that programs fall back.
struct Table {
  uint32_t arch = kArchX86_64;  // any other kills the process
  std::vector<Row> rows;
};

struct Verdict {
  Action action = Action::kAllow;
  int error = 0;
  Report report = Report::kEvent;
  std::string_view reason;
  bool operator==(const Verdict&) const = default;
};

using SyscallArguments = std::array<uint64_t, 6>;

/// The contractor's table, and the narrower one of internal workspaces (no sockets at all).
const Table& contractor_table();
const Table& slicer_table();

/// What the kernel answers under `table`. Pure; the compiled filter agrees for every input.
Verdict evaluate(const Table& table, uint32_t arch, uint32_t number,
                 const SyscallArguments& arguments);

/// The row that refused a call which failed with `error` (positive), if the table did and the
/// refusal is to be an event; nullptr where the kernel itself or a quiet row answered.
const Row* refused_by(const Table& table, uint32_t number, const SyscallArguments& arguments,
                      int error);

/// For the sensor: the (number, errno) pairs that may be such a refusal, ascending. Conditional
/// rows are included; the reader asks refused_by with the arguments.
struct ReportedCall {
  uint32_t number = 0;
  int error = 0;
  bool operator==(const ReportedCall&) const = default;
};
std::vector<ReportedCall> reported_numbers(const Table& table);

/// The row of a number, nullptr when unknown.
const Row* find_row(const Table& table, uint32_t number);

/// The table as text for reviewers, a line a row and one per clause.
std::string print_table(const Table& table);

}  // namespace carrel::plan
