// Limits that are reached: what is noticed, what is said, and how often.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <fstream>

#include "launcher/watch/session/limit_files.h"
#include "launcher/watch/session/limit_lines.h"
#include "launcher/watch/session/limit_watch.h"
#include "tests/support/folder.h"

namespace carrel::session {
namespace {

constexpr uint64_t kS = 1'000'000'000;
constexpr uint64_t kMiB = uint64_t{1} << 20;

LimitWatch watch() {
  return {{{"memory", 64 * kMiB}, {"processes", 64}, {"cpu", 1500}, {"open_files", 256}},
          {{"tmpfs", "/tmp", {7}, {}},
           {"disk", "/workspaces", {8, 18}, {"/home/contractor"}},
           {"tmpfs", "/workspaces/app/tmp", {9}, {}}}};
}

LimitReading nothing() {
  LimitReading reading;
  reading.volumes = {
      {100 * kMiB, 100 * kMiB, 1000, 1000}, {100 * kMiB, 100 * kMiB, 1000, 1000}, {}};
  return reading;
}

events::Event ended(const std::string& exe, int signal, uint64_t at_ns) {
  events::Event event;
  event.mono_ns = at_ns;
  event.process = events::Process{3, 4711, 1, exe};
  event.data = events::ProcessExit{0, signal};
  return event;
}

events::Event failed_open(const std::string& path, int error, uint64_t at_ns = kS) {
  events::Event event;
  event.mono_ns = at_ns;
  event.error = error;
  event.process = events::Process{3, 4711, 1, "/usr/bin/cat"};
  event.data = events::FileOpen{path, 0, false, 0, 0};
  return event;
}

TEST(LimitWatch, SaysNothingWhileNothingIsReached) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  reading.memory_kills = reading.refused_processes = reading.cpu_throttled = 0;
  reading.memory_used = 63 * kMiB;
  limits.see(ended("/usr/bin/sleep", SIGKILL, kS));
  limits.see(failed_open("/tmp/x", ENOENT));
  EXPECT_TRUE(limits.take(reading, kS).empty());
  EXPECT_TRUE(limits.finish(LimitReading(), 2 * kS).empty());
}

TEST(LimitWatch, NamesTheProcessThatTheKernelEnded) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  reading.memory_kills = 1;
  reading.memory_used = 64 * kMiB;
  EXPECT_TRUE(limits.take(reading, 10 * kS).empty());  // its end has not been seen yet
  limits.see(ended("/usr/bin/python3", SIGKILL, 10 * kS));
  EXPECT_EQ(
      limits.take(reading, 10 * kS + kS / 2),
      (std::vector<events::Limit>{{"hit", "memory", 64 * kMiB, 64 * kMiB, 1, "/usr/bin/python3"}}));
  EXPECT_TRUE(limits.take(reading, 60 * kS).empty());
}

TEST(LimitWatch, DoesNotNameOneAmongOthers) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  limits.see(ended("/usr/bin/sleep", SIGKILL, 10 * kS));  // by the contractor
  limits.see(ended("/usr/bin/python3", SIGKILL, 10 * kS));
  reading.memory_kills = 1;
  auto due = limits.take(reading, 10 * kS);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].object, "");
  reading.memory_kills = 3;  // two more, whose ends never come
  EXPECT_TRUE(limits.take(reading, 30 * kS).empty());
  due = limits.take(reading, 32 * kS);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ((std::pair{due[0].count, due[0].object}), (std::pair{uint64_t{2}, std::string()}));
}

TEST(LimitWatch, AnOldEndIsNotTheOne) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  limits.see(ended("/usr/bin/sleep", SIGKILL, 1 * kS));
  reading.memory_kills = 1;
  EXPECT_TRUE(limits.take(reading, 10 * kS).empty());
  EXPECT_EQ(limits.finish(reading, 10 * kS).at(0).object, "");
}

TEST(LimitWatch, WhatTheSessionEndsItselfIsNotTheKernelsDoing) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  reading.memory_kills = 1;
  limits.see(ended("/usr/bin/python3", SIGKILL, 10 * kS));
  limits.end_by_session(10 * kS + 1);
  limits.see(ended("/usr/bin/sleep", SIGKILL, 10 * kS + 2));
  EXPECT_EQ(limits.finish(reading, 11 * kS).at(0).object, "/usr/bin/python3");
}

TEST(LimitWatch, CountsAddUpToTheKernels) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  uint64_t said = 0;
  uint64_t told = 0;
  for (uint64_t second = 1; second <= 25; ++second) {
    reading.refused_processes = second * 1000;
    for (const events::Limit& one : limits.take(reading, second * kS)) {
      EXPECT_EQ(one.limit, "processes");
      said += one.count;
      ++told;
    }
  }
  EXPECT_EQ(told, 3U);
  for (const events::Limit& one : limits.finish(reading, 25 * kS))
    said += one.count;
  EXPECT_EQ(said, 25000U);
}

TEST(LimitWatch, BeingSlowedDownIsSaidOnceAMinute) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  size_t told = 0;
  for (uint64_t second = 1; second <= 100; ++second) {
    reading.cpu_throttled = second * 10;
    told += limits.take(reading, second * kS).size();
  }
  EXPECT_EQ(told, 2U);
}

TEST(LimitWatch, WhatHasNoCeilingIsNeverReached) {
  LimitWatch limits({}, {});
  LimitReading reading = nothing();
  reading.memory_kills = reading.refused_processes = reading.cpu_throttled = 7;
  limits.see(failed_open("/tmp/x", EMFILE));
  EXPECT_TRUE(limits.finish(reading, kS).empty());
}

TEST(LimitWatch, OpenFilesAreWhatTheSensorSaw) {
  LimitWatch limits = watch();
  for (int i = 0; i < 5; ++i)
    limits.see(failed_open("/dev/null", EMFILE));
  EXPECT_EQ(limits.take(nothing(), kS),
            (std::vector<events::Limit>{{"hit", "open_files", 256, 0, 5, "/usr/bin/cat"}}));
}

TEST(LimitWatch, AVolumeIsNearThenFullAndNotAgainBeforeThereWasRoom) {
  LimitWatch limits = watch();
  LimitReading reading = nothing();
  reading.volumes[0].bytes_free = 11 * kMiB;
  EXPECT_TRUE(limits.take(reading, 1 * kS).empty());
  reading.volumes[0].bytes_free = 9 * kMiB;
  EXPECT_EQ(limits.take(reading, 2 * kS),
            (std::vector<events::Limit>{{"near", "tmpfs", 100 * kMiB, 91 * kMiB, 0, "/tmp"}}));
  reading.volumes[0].bytes_free = 0;
  EXPECT_EQ(limits.take(reading, 3 * kS),
            (std::vector<events::Limit>{{"hit", "tmpfs", 100 * kMiB, 100 * kMiB, 1, "/tmp"}}));
  EXPECT_TRUE(limits.take(reading, 60 * kS).empty());
  reading.volumes[0].bytes_free = 9 * kMiB;
  EXPECT_TRUE(limits.take(reading, 61 * kS).empty());
  reading.volumes[0].bytes_free = 50 * kMiB;
  EXPECT_TRUE(limits.take(reading, 62 * kS).empty());
  reading.volumes[0].bytes_free = 1;
  EXPECT_EQ(limits.take(reading, 63 * kS).size(), 1U);
}

TEST(LimitWatch, ARefusalForWantOfRoomIsThatOfTheDeepestVolume) {
  LimitWatch limits = watch();
  limits.see(failed_open("/workspaces/app/a", ENOSPC));
  limits.see(failed_open("/workspaces/app/b", ENOSPC));
  limits.see(failed_open("/workspaces/app/tmp/b", ENOSPC));
  limits.see(failed_open("/tmpfile", ENOSPC));
  limits.see(failed_open("/elsewhere", ENOSPC));
  limits.see(failed_open("/home/contractor/x", ENOSPC));
  limits.see_refusal(ENOSPC, 18, "/usr/bin/head", kS);
  LimitReading reading = nothing();
  reading.volumes[1].inodes_free = 0;
  EXPECT_EQ(limits.take(reading, kS),
            (std::vector<events::Limit>{{"hit", "inodes", 1000, 1000, 4, "/workspaces"}}));
}

TEST(LimitWatch, ADiskIsAsFullAsItsLimitSaysAndNotAsItsFileSystem) {
  LimitWatch limits({{"disk", 100 * kMiB}, {"inodes", 1000}},
                    {{"disk", "/workspaces"}, {"tmpfs", "/tmp"}});
  LimitReading reading;
  reading.volumes = {{400 * kMiB, 50 * kMiB, 1040, 500}, {400 * kMiB, 50 * kMiB, 1040, 200}};
  EXPECT_TRUE(limits.take(reading, kS).empty());
  reading.volumes[0] = {400 * kMiB, 9 * kMiB, 1040, 0};
  reading.volumes[1] = {400 * kMiB, 30 * kMiB, 1040, 200};
  EXPECT_EQ(limits.take(reading, 2 * kS),
            (std::vector<events::Limit>{{"near", "disk", 100 * kMiB, 91 * kMiB, 0, "/workspaces"},
                                        {"hit", "inodes", 1000, 1000, 1, "/workspaces"},
                                        {"near", "tmpfs", 400 * kMiB, 370 * kMiB, 0, "/tmp"}}));
  reading.volumes[0].bytes_free = 0;
  EXPECT_EQ(
      limits.take(reading, 3 * kS),
      (std::vector<events::Limit>{{"hit", "disk", 100 * kMiB, 100 * kMiB, 1, "/workspaces"}}));
}

TEST(LimitWatch, AWriteThatFoundNoRoomIsThatOfItsFileSystem) {
  LimitWatch limits = watch();
  limits.see_refusal(ENOSPC, 7, "/usr/bin/head", kS);
  limits.see_refusal(EDQUOT, 7, "/usr/bin/head", kS);
  limits.see_refusal(ENOSPC, 0, "/usr/bin/head", kS);
  limits.see_refusal(ENOSPC, 99, "/usr/bin/head", kS);
  limits.see_refusal(EPERM, 8, "/usr/bin/head", kS);
  // By now the file is gone again.
  EXPECT_EQ(limits.take(nothing(), kS),
            (std::vector<events::Limit>{{"hit", "tmpfs", 100 * kMiB, 0, 2, "/tmp"}}));
  limits.see_refusal(EMFILE, 0, "/usr/bin/nc", kS);
  EXPECT_EQ(limits.take(nothing(), kS),
            (std::vector<events::Limit>{{"hit", "open_files", 256, 0, 1, "/usr/bin/nc"}}));
}

TEST(LimitWatch, NumbersThatMakeNoSenseDoNoHarm) {
  LimitWatch limits = watch();
  LimitReading reading;
  reading.volumes = {{UINT64_MAX, UINT64_MAX, 1, UINT64_MAX}, {1, 7, 0, 0}};
  reading.memory_kills = UINT64_MAX;
  limits.finish(reading, UINT64_MAX);
  reading.memory_kills = 1;  // it went back
  EXPECT_TRUE(limits.finish(reading, UINT64_MAX).empty());
}

TEST(LimitFiles, ReadBothVersionsAndNothingElse) {
  EXPECT_EQ(counter_in("oom_kill_disable 0\nunder_oom 0\noom_kill 17\n", "oom_kill"), 17U);
  EXPECT_EQ(counter_in("low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n", "oom_kill"),
            1U);
  EXPECT_EQ(counter_in("max 3", "max"), 3U);
  EXPECT_EQ(counter_in("4096\n", ""), 4096U);
  for (const char* text : {"", "\n", "max", "max \n", "max -1\n", "max 1x\n", "maxi 1\n",
                           "max 99999999999999999999\n"})
    EXPECT_EQ(counter_in(text, "max"), std::nullopt) << text;
}

TEST(LimitFiles, AReadingIsOfNow) {
  const support::Folder folder;
  std::ofstream(folder / "events") << "max 4\n";
  std::vector<LimitFile> files;
  files.push_back({"processes", UniqueFd(open((folder / "events").c_str(), O_RDONLY | O_CLOEXEC))});
  files.push_back({"memory", UniqueFd()});
  std::vector<UniqueFd> volumes;
  volumes.emplace_back(open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const LimitFiles limits(std::move(files), std::move(volumes));
  EXPECT_EQ(limits.read().refused_processes, 4U);
  EXPECT_EQ(limits.read().memory_kills, std::nullopt);
  EXPECT_GT(limits.read().volumes.at(0).bytes, 0U);
  std::ofstream(folder / "events") << "max 5\n";
  EXPECT_EQ(limits.read().refused_processes, 5U);
}

LimitLines lines() {
  protocol::SessionSpec spec;
  spec.set_task("local/fix\x1b");
  spec.set_profile_path("fix.toml");
  protocol::RuleLine* line = spec.add_rule_lines();
  line->set_id("limits.memory");
  line->set_line(30);
  return {spec, {{"tmpfs", "/tmp"}, {"disk", "/workspaces"}}};
}

TEST(LimitLines, SayWhatHappenedAndWhatToAskFor) {
  LimitLines limits = lines();
  const std::string ask = " To raise it, ask whoever grants task local/fix\\x1b: ";
  EXPECT_EQ(limits.line({"hit", "memory", 64 * kMiB, 0, 1, "/usr/bin/python3"}, 0),
            "carrel: limit: memory 64 MiB reached: the kernel ended /usr/bin/python3." + ask +
                "memory in [limits], fix.toml line 30.\n");
  EXPECT_EQ(
      limits.line({"hit", "processes", 64, 64, 12, ""}, 0),
      "carrel: limit: processes 64 reached: new processes and threads are refused (12 times)." +
          ask + "processes in [limits].\n");
  EXPECT_EQ(
      limits.line({"hit", "cpu", 1500, 0, 12, ""}, 0),
      "carrel: limit: cpu 1.5 reached: programs wait for their turn." + ask + "cpu in [limits].\n");
  EXPECT_EQ(limits.line({"hit", "open_files", 256, 0, 1, "/bin/a\n"}, 0),
            "carrel: limit: open_files 256 reached: /bin/a\\x0a may open no more." + ask +
                "open_files in [limits].\n");
  EXPECT_EQ(limits.line({"near", "tmpfs", 1000, 912, 0, "/tmp"}, 0),
            "carrel: limit: tmpfs 1000 B nearly reached: 91 % of /tmp are used." + ask +
                "tmpfs in [limits].\n");
  EXPECT_EQ(
      limits.line({"hit", "disk", 10 * kMiB, 0, 1, "/workspaces"}, 0),
      "carrel: limit: disk 10 MiB reached: /workspaces is full." + ask + "disk in [limits].\n");
  EXPECT_EQ(
      limits.line({"hit", "inodes", 10, 10, 1, "/tmp"}, 0),
      "carrel: limit: inodes 10 reached: /tmp takes no more files." + ask + "tmpfs in [limits].\n");
  EXPECT_EQ(limits.line({"hit", "inodes", 10, 10, 1, "/workspaces"}, 0),
            "carrel: limit: inodes 10 reached: /workspaces takes no more files." + ask +
                "inodes in [limits].\n");
}

TEST(LimitLines, OneAMinuteAndLimit) {
  LimitLines limits = lines();
  const events::Limit full{"hit", "tmpfs", kMiB, kMiB, 1, "/tmp"};
  EXPECT_TRUE(limits.line(full, 5 * kS).has_value());
  EXPECT_FALSE(limits.line(full, 64 * kS).has_value());
  EXPECT_TRUE(limits.line({"hit", "tmpfs", kMiB, kMiB, 1, "/dev/shm"}, 64 * kS).has_value());
  EXPECT_TRUE(limits.line(full, 65 * kS).has_value());
}

}  // namespace
}  // namespace carrel::session
