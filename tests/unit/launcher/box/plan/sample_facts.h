#pragma once
// Hosts and profiles written down by hand, for tests of the plan.

#include <string>
#include <vector>

#include "launcher/box/plan/plan.h"

namespace carrel::plan {

inline RelPath rel(const std::string& text) {
  return RelPath::parse(text).take();
}

/// A usr-merged Debian 12 on a hybrid host: v1 controllers, bare unified tree, `syscall` sensor.
inline HostFacts hybrid_host() {
  HostFacts facts;
  facts.kernel_release = "6.18.0";
  facts.machine = "x86_64";
  facts.root = true;
  facts.cgroup = {CgroupLayout::kHybrid,
                  "/sys/fs/cgroup/unified",
                  "/",
                  "/sys/fs/cgroup/memory",
                  "/sys/fs/cgroup/pids",
                  false,
                  false,
                  true,
                  true};
  facts.sensor = {SensorBackEnd::kSyscall, "the kernel has no BPF trampolines"};
  facts.storage = {StorageKind::kImage, ""};
  facts.landlock_abi = 7;
  facts.user_namespaces = true;
  facts.network_namespaces = true;
  facts.two_uids = true;
  facts.clone_into_cgroup = true;
  facts.new_mount_api = true;
  facts.idmapped_mounts = true;
  facts.openat2 = true;
  facts.seccomp_filter = true;
  facts.seccomp_errno = true;
  facts.seccomp_kill_process = true;
  facts.close_range = true;
  facts.pidfd = true;
  facts.secret_memory = true;
  facts.root_entries = {
      {"bin", "usr/bin"}, {"lib", "usr/lib"}, {"lib64", "usr/lib64"}, {"sbin", "usr/sbin"}};
  facts.etc = {{"alternatives", true}, {"ld.so.cache", false}, {"ssl/certs", true}};
  facts.devices = kDevices;
  return facts;
}

/// A host with cgroup v2 alone, an old Landlock, and folders in place of the links.
inline HostFacts unified_host() {
  HostFacts facts = hybrid_host();
  facts.cgroup = {
      CgroupLayout::kV2, "/sys/fs/cgroup", "/carrel.slice", "", "", true, true, true, true};
  facts.sensor = {SensorBackEnd::kVfs, ""};
  facts.landlock_abi = 1;
  facts.root_entries = {{"bin", ""}, {"lib", ""}, {"lib64", ""}, {"sbin", ""}};
  facts.etc = {};
  return facts;
}

/// The first host as an ordinary user without subordinate ids finds it.
inline HostFacts ordinary_user() {
  HostFacts facts = hybrid_host();
  facts.root = false;
  facts.two_uids = false;
  facts.idmapped_mounts = false;
  facts.storage = {StorageKind::kFolder, "an ordinary user may not mount images"};
  facts.user_notify = true;
  facts.new_procfs = true;
  facts.sensor = sensor_of_ordinary_user(facts);
  return facts;
}

inline model::Profile sample_profile() {
  model::Profile profile;
  profile.name = "demo";
  profile.version = 1;
  profile.summary = "a demo";
  model::Repository repository;
  repository.name = "engine";
  repository.source = "../engine";
  repository.ref = "HEAD";
  repository.read = {{rel("docs"), {7}}, {rel("include/api.h"), {7}}};
  repository.write = {{rel("src"), {8}}};
  profile.repositories.push_back(repository);
  profile.credentials.push_back(
      {"registry", model::CredentialKind::kJwt, "registry.example", 120, {12}});
  return profile;
}

inline PlanRequest sample_request() {
  PlanRequest request;
  request.uid_base = kBlockBase + 8;
  request.repositories = {
      {"engine", {{rel("docs"), TargetType::kFolder}, {rel("include/api.h"), TargetType::kFile}}}};
  request.command = {"make", "-j2", "all\ntargets"};
  request.terminal = Terminal::kPty;
  request.environment = {{"TERM", "xterm-256color"},
                         {"LANG", "de_DE.UTF-8"},
                         {"LD_PRELOAD", "/evil.so"},
                         {"SSH_AUTH_SOCK", "/tmp/agent"}};
  request.person_name = "Ada \"L\" Byron";
  request.person_email = "ada@example.org";
  return request;
}

}  // namespace carrel::plan
