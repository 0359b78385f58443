#pragma once
// The parts of a root file system as mount steps, each function one part. Used by plan.cc and
// slicer_plan.cc only.

#include <string>
#include <string_view>
#include <vector>

#include "launcher/box/plan/plan.h"

namespace carrel::plan {

/// A path written in our own code. CHECKs that it is one.
SandboxPath inside(std::string_view text);

void add_root(std::vector<MountStep>& steps);
/// /usr and the host's links or folders beside it, read-only.
void add_system(const HostFacts& facts, std::vector<MountStep>& steps);
enum class Names { kOwn, kOfGateway };
/// The generated files and the host's entries of kVisibleEtc. Names of other hosts are asked of the
/// gateway, or of nobody.
void add_etc(const HostFacts& facts, const PlanRequest& request, Names names,
             std::vector<MountStep>& steps);
/// Of /etc only the dynamic loader's cache, where the host has one.
void add_loader_cache(const HostFacts& facts, std::vector<MountStep>& steps);
/// A new procfs with what leaks or changes the host masked or read-only.
void add_proc(std::vector<MountStep>& steps);
enum class Terminals { kNone, kPrivate };
/// The null device and its kin, the links, shared memory, and a devpts of its own.
void add_dev(Terminals terminals, uint64_t most_shared_bytes, std::vector<MountStep>& steps);
void add_tmpfs(std::string_view target, uint64_t size_bytes, uint64_t inodes, uint32_t mode,
               Owner owner, Exec exec, std::vector<MountStep>& steps);

/// A tmpfs takes a file for each page of its size: 1 GiB has 262,144.
inline constexpr uint64_t kBytesAFile = 4096;

void add_folder(std::string_view target, std::vector<MountStep>& steps);
void add_file(std::string_view target, std::string text, std::vector<MountStep>& steps);
void add_link(std::string_view target, std::string text, std::vector<MountStep>& steps);

/// A quoted value for a git configuration file; control bytes become blanks.
std::string git_quoted(std::string_view value);

}  // namespace carrel::plan
