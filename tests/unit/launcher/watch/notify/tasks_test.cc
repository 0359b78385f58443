#include "launcher/watch/notify/tasks.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace carrel::notify {
namespace {

TEST(NotifyTasks, StatusIsTakenApart) {
  const auto ids = parse_status(
      "Name:\tx\nUmask:\t0022\nTgid:\t77\nNgid:\t0\nPid:\t78\nPPid:\t5\nNSpid:\t78\t4\t3\n");
  ASSERT_TRUE(ids.has_value());
  EXPECT_EQ(ids->tgid, 77U);
  EXPECT_EQ(ids->parent, 5U);
  EXPECT_EQ(ids->inside, 3U);
  EXPECT_FALSE(parse_status("Tgid:\t77\nPPid:\t5\n").has_value());
  EXPECT_FALSE(parse_status("Tgid:\tx\nPPid:\t5\nNSpid:\t1\n").has_value());
}

TEST(NotifyTasks, AProgramsNameCannotForgeItsStart) {
  const std::string rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 19 20 21 22\n";
  EXPECT_EQ(parse_start_ticks("77 (x)" + rest), 12345U);
  EXPECT_EQ(parse_start_ticks("77 (x) S 9 9 9) y)" + rest), 12345U);
  EXPECT_FALSE(parse_start_ticks("77 (x) S 1 2").has_value());
  EXPECT_FALSE(parse_start_ticks("").has_value());
}

TEST(NotifyTasks, FindsTheCallerAndForgetsTheDead) {
  Tasks tasks;
  const Task* self = tasks.find(static_cast<uint32_t>(getpid()));
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(self->tgid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(self->parent, static_cast<uint32_t>(getppid()));
  EXPECT_GT(self->start_ns, 0U);
  EXPECT_EQ(Tasks::folder_of(*self)[0], '/');
  EXPECT_EQ(Tasks::path_of(*self, 999), "");
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(Tasks::path_of(*self, ends[0]), "");
  close(ends[0]);
  close(ends[1]);

  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const auto number = static_cast<uint32_t>(child);
  const Task* born = tasks.find(number);
  ASSERT_NE(born, nullptr);
  EXPECT_TRUE(tasks.birth(*born, 5).has_value());
  EXPECT_FALSE(tasks.birth(*born, 6).has_value());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(tasks.find(number), nullptr);
}

}  // namespace
}  // namespace carrel::notify
