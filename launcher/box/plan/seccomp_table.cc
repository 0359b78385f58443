#include "launcher/box/plan/seccomp_table.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "profiles/base/result.h"

namespace carrel::plan {
namespace {

bool holds(const Clause& clause, const SyscallArguments& arguments) {
  return std::all_of(clause.when.begin(), clause.when.end(), [&](const Compare& compare) {
    const auto low = static_cast<uint32_t>(arguments[compare.argument] & 0xFFFFFFFF);
    return (low & compare.mask) == compare.value;
  });
}

Verdict answer(const Row& row, const SyscallArguments& arguments) {
  for (const Clause& clause : row.clauses) {
    if (holds(clause, arguments)) {
      return {clause.action, clause.error, clause.report, clause.reason};
    }
  }
  return {row.action, row.error, row.report, row.reason};
}

std::string hex(uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", value);
  return text;
}

std::string words(Action action, int error, Report report) {
  if (action == Action::kAllow) return "allow";
  if (action == Action::kKillProcess) return "kill";
  return errno_name(error) + (report == Report::kQuiet ? " (quiet)" : "");
}

std::string words(const Compare& compare) {
  std::string text = "arg" + std::to_string(compare.argument);
  if (compare.mask != 0xFFFFFFFF) text += " & " + hex(compare.mask);
  return text + " == " + hex(compare.value);
}

void pad(std::string& line, size_t width) {
  if (line.size() < width) line.append(width - line.size(), ' ');
}

void add_line(std::string& out, std::string line, const std::string& what,
              std::string_view reason) {
  pad(line, 28);
  line += what;
  pad(line, 46);
  out += line + " # " + std::string(reason) + "\n";
}

}  // namespace

const Row* find_row(const Table& table, uint32_t number) {
  const auto at =
      std::lower_bound(table.rows.begin(), table.rows.end(), number,
                       [](const Row& row, uint32_t wanted) { return row.number < wanted; });
  return at != table.rows.end() && at->number == number ? &*at : nullptr;
}

Verdict evaluate(const Table& table, uint32_t arch, uint32_t number,
                 const SyscallArguments& arguments) {
  if (arch != table.arch) {
    return {Action::kKillProcess, 0, Report::kEvent,
            "a foreign architecture's numbers mean other calls"};
  }
  if ((number & kX32Bit) != 0) {
    return {Action::kErrno, ENOSYS, Report::kQuiet,
            "the x32 numbering is a second way to every call"};
  }
  const Row* row = find_row(table, number);
  if (row == nullptr)
    return {Action::kErrno, ENOSYS, Report::kQuiet, "unknown, or newer than this table"};
  return answer(*row, arguments);
}

const Row* refused_by(const Table& table, uint32_t number, const SyscallArguments& arguments,
                      int error) {
  const Row* row = find_row(table, number);
  if (row == nullptr) return nullptr;
  const Verdict verdict = answer(*row, arguments);
  const bool refused = verdict.action == Action::kErrno && verdict.error == error;
  return refused && verdict.report == Report::kEvent ? row : nullptr;
}

std::vector<ReportedCall> reported_numbers(const Table& table) {
  std::vector<ReportedCall> list;
  const auto add = [&list](uint32_t number, Action action, int error, Report report) {
    if (action != Action::kErrno || report != Report::kEvent) return;
    const ReportedCall call{number, error};
    if (std::find(list.begin(), list.end(), call) == list.end()) list.push_back(call);
  };
  for (const Row& row : table.rows) {
    add(row.number, row.action, row.error, row.report);
    for (const Clause& clause : row.clauses) {
      add(row.number, clause.action, clause.error, clause.report);
    }
  }
  std::sort(list.begin(), list.end(), [](const ReportedCall& a, const ReportedCall& b) {
    return a.number != b.number ? a.number < b.number : a.error < b.error;
  });
  return list;
}

std::string print_table(const Table& table) {
  std::string out = "# x86-64; another architecture: kill; x32 bit or no row: ENOSYS (quiet)\n";
  for (const Row& row : table.rows) {
    for (const Clause& clause : row.clauses) {
      std::string condition;
      for (const Compare& compare : clause.when) {
        condition += (condition.empty() ? "  if " : " and ") + words(compare);
      }
      std::string number = std::to_string(row.number);
      pad(number, 4);
      add_line(out, number + std::string(row.name) + condition + ":",
               " " + words(clause.action, clause.error, clause.report), clause.reason);
    }
    std::string number = std::to_string(row.number);
    pad(number, 4);
    add_line(out, number + std::string(row.name), words(row.action, row.error, row.report),
             row.reason);
  }
  return out;
}

}  // namespace carrel::plan
