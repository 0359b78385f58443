#include "launcher/box/kernel/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>

#include "launcher/box/plan/notified_calls.h"
#include "profiles/base/check.h"
#include "profiles/base/unique_fd.h"

namespace carrel::kernel {
namespace {

using plan::Action;
using plan::Clause;
using plan::Compare;
using plan::Row;

static_assert(plan::kArchX86_64 == AUDIT_ARCH_X86_64);

// Libseccomp's answer to a number without a rule. Every number without a row is answered before its
// program starts, so this is what a conditional row says where no clause holds.
constexpr int kDefaultError = EPERM;

// Stands for "ask the listener" in libseccomp's rules, and is exchanged in its finished program: so
// it need not know of listeners, and may have this as its answer to a number without a rule.
constexpr uint32_t kAskMark = SECCOMP_RET_TRACE | 0x4321;

/// What is compiled, and for whom.
struct Target {
  Listener listener = Listener::kNone;
  [[nodiscard]] bool asks(uint32_t number, Action action, plan::Report report) const {
    if (listener == Listener::kNone) return false;
    if (listener == Listener::kConnections) {
      return action == Action::kAllow && number == __NR_connect;
    }
    if (action == Action::kAllow) return plan::find_notified(number) != nullptr;
    return action == Action::kErrno && report == plan::Report::kEvent;
  }
  [[nodiscard]] uint32_t code(uint32_t number, Action action, int error,
                              plan::Report report) const {
    if (asks(number, action, report)) return kAskMark;
    if (action == Action::kAllow) return SECCOMP_RET_ALLOW;
    if (action == Action::kKillProcess) return SECCOMP_RET_KILL_PROCESS;
    return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error);
  }
  /// Libseccomp's answer where no rule holds.
  [[nodiscard]] uint32_t otherwise() const {
    return listener == Listener::kAsked ? kAskMark : SECCOMP_RET_ERRNO | uint32_t{kDefaultError};
  }
};

struct ContextDeleter {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ContextDeleter>;

sock_filter statement(uint16_t code, uint32_t k) {
  return {code, 0, 0, k};
}

sock_filter jump(uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
  return {code, if_true, if_false, k};
}

sock_filter answer_error(int error) {
  return statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error));
}

// Architecture, x32 bit and unknown numbers; what passes falls through to the next instruction.
std::vector<sock_filter> prologue(const plan::Table& table) {
  std::vector<sock_filter> out = {
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      jump(BPF_JMP | BPF_JEQ | BPF_K, table.arch, 1, 0),
      statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      jump(BPF_JMP | BPF_JSET | BPF_K, plan::kX32Bit, 0, 1),
      answer_error(ENOSYS),
  };
  uint32_t next = 0;  // the lowest number not looked at yet
  for (const Row& row : table.rows) {
    if (row.number > next) {  // [next, row.number) has no rows
      out.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, next, 0, 2));
      out.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, row.number, 1, 0));
      out.push_back(answer_error(ENOSYS));
    }
    next = row.number + 1;
  }
  out.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, next, 0, 1));
  out.push_back(answer_error(ENOSYS));
  return out;
}

// A row that allows but for some values of one argument. Libseccomp cannot say "unless", only
// "where", and the complement of a few 32-bit values is hundreds of rules; so it is answered here.
// Expects the number in the accumulator, and leaves it there for other numbers.
void append_allow_unless(const Target& target, const Row& row, std::vector<sock_filter>& out) {
  const uint8_t argument = row.clauses.front().when.front().argument;
  std::vector<sock_filter> body = {
      statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offsetof(seccomp_data, args)) +
                                              argument * static_cast<uint32_t>(sizeof(uint64_t)))};
  for (const Clause& clause : row.clauses) {
    const bool shaped = clause.when.size() == 1 && clause.when[0].argument == argument &&
                        clause.when[0].mask == 0xFFFFFFFF && clause.action == Action::kErrno;
    CHECK(shaped);
    body.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, clause.when[0].value, 0, 1));
    body.push_back(statement(BPF_RET | BPF_K,
                             target.code(row.number, clause.action, clause.error, clause.report)));
  }
  body.push_back(
      statement(BPF_RET | BPF_K, target.code(row.number, row.action, row.error, row.report)));
  CHECK(body.size() <= UINT8_MAX);
  out.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, row.number, 0, static_cast<uint8_t>(body.size())));
  out.insert(out.end(), body.begin(), body.end());
}

bool is_allow_unless(const Row& row) {
  return row.action == Action::kAllow && !row.clauses.empty();
}

Status add_rule(const Context& context, const Target& target, const Row& row, uint32_t code,
                const std::vector<Compare>& when) {
  if (code == target.otherwise()) return Done{};
  std::vector<scmp_arg_cmp> compares;
  compares.reserve(when.size());
  for (const Compare& one : when) {
    compares.push_back({one.argument, SCMP_CMP_MASKED_EQ, one.mask, one.value});
  }
  const int rc = seccomp_rule_add_array(context.get(), code, static_cast<int>(row.number),
                                        static_cast<unsigned>(compares.size()), compares.data());
  if (rc != 0) return Error{"seccomp rule for " + std::string(row.name), -rc};
  return Done{};
}

Status add_row(const Context& context, const Target& target, const Row& row) {
  const auto code = [&](Action action, int error, plan::Report report) {
    return target.code(row.number, action, error, report);
  };
  if (row.clauses.empty()) {
    return add_rule(context, target, row, code(row.action, row.error, row.report), {});
  }
  CHECK(row.action == Action::kErrno && row.error == kDefaultError);
  for (const Clause& clause : row.clauses) {
    RETURN_IF_ERROR(add_rule(context, target, row, code(clause.action, clause.error, clause.report),
                             clause.when));
  }
  return Done{};
}

// seccomp_export_bpf writes to a descriptor only; a memory file keeps it off the disk.
Result<std::vector<sock_filter>> export_program(const Context& context) {
  const UniqueFd file(memfd_create("carrel-seccomp", MFD_CLOEXEC));
  if (!file.valid()) return errno_error("memfd_create for the seccomp program");
  if (const int rc = seccomp_export_bpf(context.get(), file.get()); rc != 0) {
    return Error{"export the seccomp program", -rc};
  }
  const off_t size = lseek(file.get(), 0, SEEK_END);
  if (size <= 0 || static_cast<size_t>(size) % sizeof(sock_filter) != 0) {
    return Error{"the exported seccomp program has an odd size"};
  }
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), static_cast<size_t>(size), 0) != size) {
    return errno_error("read the exported seccomp program");
  }
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> compile_seccomp(const plan::Table& table, Listener listener) {
  const Target target{listener};
  const Context context(seccomp_init(target.otherwise()));
  if (context == nullptr) return Error{"seccomp_init", ENOMEM};
  // 2: a binary tree over the numbers instead of a list.
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2); rc != 0) {
    return Error{"ask libseccomp for a binary tree", -rc};
  }
  std::vector<sock_filter> program = prologue(table);
  for (const Row& row : table.rows) {
    if (is_allow_unless(row)) {
      append_allow_unless(target, row, program);
    } else {
      RETURN_IF_ERROR(add_row(context, target, row));
    }
  }
  ASSIGN_OR_RETURN(std::vector<sock_filter> tree, export_program(context));
  program.insert(program.end(), tree.begin(), tree.end());
  for (sock_filter& step : program) {
    const bool marked = step.code == (BPF_RET | BPF_K) && step.k == kAskMark;
    if (marked) step.k = SECCOMP_RET_USER_NOTIF;
  }
  if (program.size() > BPF_MAXINSNS) return Error{"the seccomp program is longer than 4096 steps"};
  return program;
}

Result<SeccompPrograms> SeccompPrograms::compile(Listener listener) {
  ASSIGN_OR_RETURN(std::vector<sock_filter> contractor,
                   compile_seccomp(plan::contractor_table(), listener));
  ASSIGN_OR_RETURN(std::vector<sock_filter> slicer, compile_seccomp(plan::slicer_table()));
  ASSIGN_OR_RETURN(
      std::vector<sock_filter> sshd,
      compile_seccomp(plan::contractor_table(),
                      listener == Listener::kNone ? Listener::kNone : Listener::kConnections));
  return SeccompPrograms(std::move(contractor), std::move(slicer), std::move(sshd));
}

}  // namespace carrel::kernel
