#include "launcher/box/kernel/seccomp_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <cerrno>
#include <set>

#include "launcher/box/plan/notified_calls.h"
#include "tests/support/bpf_evaluator.h"

namespace carrel::kernel {
namespace {

using plan::Action;
using plan::SyscallArguments;
using plan::Table;

constexpr uint64_t kHigh = 0xFFFFFFFF00000000;

uint32_t as_return(const plan::Verdict& verdict, uint32_t number, Listener listener) {
  const bool told = verdict.action == Action::kErrno && verdict.report == plan::Report::kEvent;
  const bool watched = verdict.action == Action::kAllow && plan::find_notified(number) != nullptr;
  if (listener == Listener::kAsked && (told || watched)) return SECCOMP_RET_USER_NOTIF;
  if (verdict.action == Action::kAllow) return SECCOMP_RET_ALLOW;
  if (verdict.action == Action::kKillProcess) return SECCOMP_RET_KILL_PROCESS;
  return SECCOMP_RET_ERRNO | static_cast<uint32_t>(verdict.error);
}

// Values at which an answer may change: those of the compares, each with one bit flipped, the
// edges.
std::vector<uint64_t> candidates(const plan::Row* row, uint8_t argument) {
  std::set<uint64_t> values = {0, 1, 0xFFFFFFFF};
  if (row != nullptr) {
    for (const plan::Clause& clause : row->clauses) {
      for (const plan::Compare& compare : clause.when) {
        if (compare.argument != argument) continue;
        values.insert({compare.value, compare.value | ~compare.mask});
        for (unsigned bit = 0; bit < 32; ++bit)
          values.insert(compare.value ^ (1U << bit));
      }
    }
  }
  std::vector<uint64_t> list(values.begin(), values.end());
  for (const uint64_t value : values)
    list.push_back(value | kHigh);
  return list;
}

struct Compiled {
  const Table* table;
  Listener listener;
  const char* name;
};

class SeccompFilter : public testing::TestWithParam<Compiled> {
 protected:
  void SetUp() override {
    auto compiled = compile_seccomp(*GetParam().table, GetParam().listener);
    ASSERT_TRUE(compiled.ok()) << to_string(compiled.error());
    program_ = compiled.take();
  }

  // False once an answer differs, so that a broken filter prints one line and not a million.
  bool agrees(uint32_t arch, uint32_t number, const SyscallArguments& arguments) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    for (size_t i = 0; i < arguments.size(); ++i)
      data.args[i] = arguments[i];
    const auto got = tests::run_bpf(program_, data);
    const uint32_t wanted = as_return(evaluate(*GetParam().table, arch, number, arguments), number,
                                      GetParam().listener);
    EXPECT_EQ(got, std::optional(wanted))
        << std::hex << "arch " << arch << " number " << number << " arguments " << arguments[0]
        << " " << arguments[1] << " " << arguments[2];
    ++asked_;
    return got == wanted;
  }

  bool agrees_for_all_arguments(uint32_t number) {
    const plan::Row* row = find_row(*GetParam().table, number);
    for (const uint64_t first : candidates(row, 0)) {
      for (const uint64_t second : candidates(row, 1)) {
        for (const uint64_t third : candidates(row, 2)) {
          if (!agrees(AUDIT_ARCH_X86_64, number, {first, second, third, 0, 0, 0})) return false;
        }
      }
    }
    return true;
  }

  std::vector<sock_filter> program_;
  uint64_t asked_ = 0;
};

TEST_P(SeccompFilter, AgreesWithTheTableForEveryNumberAndArgumentClass) {
  const uint32_t newest = GetParam().table->rows.back().number;
  for (uint32_t number = 0; number <= newest + 50; ++number) {
    ASSERT_TRUE(agrees_for_all_arguments(number));
  }
  for (const uint32_t number : {512U, 547U, 1024U, 0x3FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    ASSERT_TRUE(agrees_for_all_arguments(number));
  }
  EXPECT_GT(asked_, 100000U);
}

TEST_P(SeccompFilter, AnswersX32NumbersWithEnosys) {
  const uint32_t newest = GetParam().table->rows.back().number;
  for (uint32_t number = 0; number <= newest + 150; ++number) {
    ASSERT_EQ(evaluate(*GetParam().table, AUDIT_ARCH_X86_64, number | plan::kX32Bit, {}).error,
              ENOSYS);
    ASSERT_TRUE(agrees(AUDIT_ARCH_X86_64, number | plan::kX32Bit, {}));
  }
}

TEST_P(SeccompFilter, KillsEveryForeignArchitecture) {
  const uint32_t newest = GetParam().table->rows.back().number;
  for (const uint32_t arch :
       {uint32_t{AUDIT_ARCH_I386}, uint32_t{AUDIT_ARCH_AARCH64}, uint32_t{AUDIT_ARCH_ARM}, 0U}) {
    for (uint32_t number = 0; number <= newest + 50; ++number) {
      ASSERT_EQ(evaluate(*GetParam().table, arch, number, {}).action, Action::kKillProcess);
      ASSERT_TRUE(agrees(arch, number, {}));
    }
  }
}

TEST_P(SeccompFilter, FitsTheKernelsLimit) {
  EXPECT_LE(program_.size(), size_t{BPF_MAXINSNS});
}

TEST_P(SeccompFilter, NamesAndNumbersAreThoseOfTheKernelsHeaders) {
  size_t known = 0;
  for (const plan::Row& row : GetParam().table->rows) {
    const int number =
        seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, std::string(row.name).c_str());
    if (number == __NR_SCMP_ERROR) continue;  // newer than this libseccomp
    EXPECT_EQ(number, static_cast<int>(row.number)) << row.name;
    ++known;
  }
  EXPECT_GE(known, 355U);
}

INSTANTIATE_TEST_SUITE_P(
    Tables, SeccompFilter,
    testing::Values(Compiled{&plan::contractor_table(), Listener::kNone, "Contractor"},
                    Compiled{&plan::slicer_table(), Listener::kNone, "Slicer"},
                    Compiled{&plan::contractor_table(), Listener::kAsked, "Notifying"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(SeccompFilterCompile, AsksTheListenerAboutWhatDecidesSomethingOnly) {
  std::set<std::string_view> names;
  for (const plan::NotifiedCall& call : plan::notified_calls()) {
    const plan::Row* row = find_row(plan::contractor_table(), call.number);
    ASSERT_NE(row, nullptr) << call.number;
    names.insert(row->name);
  }
  for (const char* asked : {"execve", "execveat", "open", "openat", "openat2", "creat", "connect",
                            "rename", "renameat2", "unlink", "unlinkat", "chdir", "truncate"}) {
    EXPECT_TRUE(names.contains(asked)) << asked;
  }
  // Calls that come back with EINTR to a program that does not expect it, or are too frequent.
  for (const char* never : {"close", "fork", "vfork", "clone", "wait4", "waitid", "read", "write",
                            "exit", "exit_group", "stat", "newfstatat", "rt_sigreturn"}) {
    EXPECT_FALSE(names.contains(never)) << never;
  }
}

TEST(SeccompFilterCompile, HonoursRowsThatAllowUnlessAndRowsThatRefuseUnless) {
  Table table;
  plan::Row allows{"a", 7, Action::kAllow, 0, plan::Report::kQuiet, "r", {}};
  allows.clauses = {{{{1, ~0U, 5}}, Action::kErrno, EPERM, plan::Report::kEvent, "r"},
                    {{{1, ~0U, 6}}, Action::kErrno, ENOTTY, plan::Report::kEvent, "r"}};
  table.rows = {allows};
  auto program = compile_seccomp(table);
  ASSERT_TRUE(program.ok()) << to_string(program.error());
  const auto ask = [&](uint64_t value) {
    seccomp_data data{};
    data.nr = 7;
    data.arch = AUDIT_ARCH_X86_64;
    data.args[1] = value;
    return tests::run_bpf(program.value(), data);
  };
  EXPECT_EQ(ask(5), SECCOMP_RET_ERRNO | uint32_t{EPERM});
  EXPECT_EQ(ask(5 | kHigh), SECCOMP_RET_ERRNO | uint32_t{EPERM});
  EXPECT_EQ(ask(6), SECCOMP_RET_ERRNO | uint32_t{ENOTTY});
  EXPECT_EQ(ask(4), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(ask(7), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(ask(0xFFFFFFFF), uint32_t{SECCOMP_RET_ALLOW});
}

TEST(SeccompPrograms, GivesEachPlanItsOwnProgram) {
  auto programs = SeccompPrograms::compile();
  ASSERT_TRUE(programs.ok()) << to_string(programs.error());
  seccomp_data data{};
  data.nr = 41;  // socket(AF_UNIX, …)
  data.arch = AUDIT_ARCH_X86_64;
  data.args[0] = 1;
  const auto ask = [&](plan::SeccompProgram which) {
    return tests::run_bpf(programs.value().program(which), data);
  };
  EXPECT_EQ(ask(plan::SeccompProgram::kContractor), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(ask(plan::SeccompProgram::kSlicer), SECCOMP_RET_ERRNO | uint32_t{EPERM});
}

// What a server beside the workspace opens and runs is not the contractor's doing.
TEST(SeccompPrograms, TheListenerOfAnSshServerHearsOfConnectionsAlone) {
  auto none = SeccompPrograms::compile();
  auto asked = SeccompPrograms::compile(Listener::kAsked);
  ASSERT_TRUE(none.ok() && asked.ok());
  const auto ask = [](const SeccompPrograms& programs, plan::SeccompProgram which, int number) {
    seccomp_data data{};
    data.nr = number;
    data.arch = AUDIT_ARCH_X86_64;
    return tests::run_bpf(programs.program(which), data);
  };
  constexpr auto kSshd = plan::SeccompProgram::kSshd;
  constexpr int kConnect = 42, kOpenat = 257, kExecve = 59, kPtrace = 101;
  EXPECT_EQ(ask(none.value(), kSshd, kConnect), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(ask(asked.value(), kSshd, kConnect), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(ask(asked.value(), kSshd, kOpenat), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(ask(asked.value(), kSshd, kExecve), uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(ask(asked.value(), kSshd, kPtrace), ask(none.value(), kSshd, kPtrace));
  EXPECT_EQ(ask(asked.value(), plan::SeccompProgram::kContractor, kOpenat), SECCOMP_RET_USER_NOTIF);
}

// The bit is tested by itself, not by being above the newest number.
TEST(SeccompFilterCompile, AnswersX32EvenWhereARowHasThatNumber) {
  Table table;
  table.rows = {{"a", 7, Action::kAllow, 0, plan::Report::kQuiet, "r", {}},
                {"b", 7 | plan::kX32Bit, Action::kAllow, 0, plan::Report::kQuiet, "r", {}}};
  auto program = compile_seccomp(table);
  ASSERT_TRUE(program.ok()) << to_string(program.error());
  seccomp_data data{};
  data.nr = static_cast<int>(7 | plan::kX32Bit);
  data.arch = AUDIT_ARCH_X86_64;
  EXPECT_EQ(tests::run_bpf(program.value(), data), SECCOMP_RET_ERRNO | uint32_t{ENOSYS});
}

}  // namespace
}  // namespace carrel::kernel
