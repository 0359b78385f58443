#include "launcher/box/probe/probe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace carrel::probe {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

size_t open_descriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 256; ++fd)
    count += fcntl(fd, F_GETFD) >= 0 ? 1U : 0U;
  return count;
}

TEST(Probe, TellsThisMachine) {
  utsname name{};
  ASSERT_EQ(uname(&name), 0);
  const plan::HostFacts facts = probe_host();
  EXPECT_EQ(facts.kernel_release, name.release);
  EXPECT_EQ(facts.machine, name.machine);
  EXPECT_EQ(facts.sensor.back_end, plan::SensorBackEnd::kNone);
  EXPECT_FALSE(facts.root && geteuid() != 0);
  EXPECT_FALSE(facts.devices.empty());
  EXPECT_EQ(facts, probe_host());  // the same twice
}

TEST(Probe, WhatOnlyRootMayTryIsFalseForOthers) {
  const plan::HostFacts facts = probe_host();
  if (facts.root) {
    EXPECT_EQ(facts.two_uids, facts.user_namespaces);
    return;
  }
  EXPECT_FALSE(facts.two_uids);
  EXPECT_FALSE(facts.idmapped_mounts);
  EXPECT_EQ(facts.storage.kind, plan::StorageKind::kFolder);
  // In a user namespace of their own they may mount what the kernel lets anybody mount.
  EXPECT_EQ(facts.new_mount_api, facts.user_namespaces);
}

TEST(Probe, LeavesMountsGroupsAndDescriptorsAsTheyWere) {
  const std::string mounts = text_of("/proc/self/mountinfo");
  const std::string groups = text_of("/proc/self/cgroup");
  const size_t descriptors = open_descriptors();
  const plan::HostFacts facts = probe_host();
  EXPECT_EQ(text_of("/proc/self/mountinfo"), mounts);
  EXPECT_EQ(text_of("/proc/self/cgroup"), groups);
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(Probe, AsksTheGivenFolderForIdmaps) {
  const int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  ASSERT_GE(folder, 0);
  const plan::HostFacts facts = probe_host(folder);
  close(folder);
  const bool noted =
      !facts.notes.empty() && facts.notes.back().find("state folder") != std::string::npos;
  EXPECT_FALSE(facts.idmapped_mounts && noted);
  if (facts.root && facts.two_uids) {
    EXPECT_TRUE(facts.idmapped_mounts || noted);
  }
}

}  // namespace
}  // namespace carrel::probe
