#include "launcher/box/sandbox/init_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "launcher/box/init/init_plan.h"
#include "launcher/box/sandbox/sandbox.h"

namespace carrel::sandbox {
namespace {

uint32_t append_aligned(std::string* bytes, const void* data, size_t size) {
  bytes->resize((bytes->size() + 7) / 8 * 8);
  const auto offset = static_cast<uint32_t>(bytes->size());
  if (size != 0) bytes->append(static_cast<const char*>(data), size);
  return offset;
}

uint32_t append_text(std::string* bytes, const std::string& text) {
  const auto offset = static_cast<uint32_t>(bytes->size());
  bytes->append(text.c_str(), text.size() + 1);
  return offset;
}

Status write_all(int fd, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t taken = write(fd, bytes.data() + done, bytes.size() - done);
    if (taken <= 0) return errno_error("write to sealed memory");
    done += static_cast<size_t>(taken);
  }
  return Done{};
}

Status seal(int fd) {
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (fcntl(fd, F_ADD_SEALS, kSeals) != 0) return errno_error("seal memory");
  return Done{};
}

}  // namespace

Result<std::string> flatten_plan(const plan::SandboxPlan& plan,
                                 const std::vector<sock_filter>& filter) {
  init::InitPlan head{};
  if (plan.command.empty() || plan.command.size() > init::kMaxStrings ||
      plan.environment.size() > init::kMaxStrings || filter.size() > init::kMaxFilter ||
      plan.landlock.rules.size() > init::kMaxRules || plan.rlimits.size() > init::kMaxRlimits) {
    return Error{"the plan does not fit carrel-init's bounds (arguments, filter or rules)"};
  }
  for (const std::vector<std::string>* list : {&plan.command, &plan.environment}) {
    for (const std::string& text : *list) {
      if (text.find('\0') != std::string::npos) return Error{"an argument has a NUL byte"};
    }
  }
  head.magic = init::kMagic;
  if (plan.terminal == plan::Terminal::kPty) head.flags |= init::kUsesTerminal;
  if (plan.program == plan::Program::kDescriptor) head.flags |= init::kUsesProgramFd;
  if (plan.watched == plan::Watched::kByListener) head.flags |= init::kNotifies;
  head.argument_count = static_cast<uint32_t>(plan.command.size());
  head.environment_count = static_cast<uint32_t>(plan.environment.size());
  head.filter_count = static_cast<uint32_t>(filter.size());
  head.umask = plan.umask;
  head.uid = plan::kPayloadUid;
  head.gid = plan::kPayloadUid;
  head.securebits = plan.securebits;
  head.landlock_fs = plan.landlock.handled_fs;
  head.landlock_scoped = plan.landlock.scoped;
  std::string bytes(sizeof head, '\0');
  head.filter = append_aligned(&bytes, filter.data(), filter.size() * sizeof(sock_filter));
  std::vector<init::InitRlimit> rlimits;
  for (const plan::Rlimit& limit : plan.rlimits) {
    rlimits.push_back({limit.resource, 0, limit.soft, limit.hard});
  }
  head.rlimit_count = static_cast<uint32_t>(rlimits.size());
  head.rlimits = append_aligned(&bytes, rlimits.data(), rlimits.size() * sizeof(init::InitRlimit));
  std::vector<init::InitRule> rules(plan.landlock.rules.size());
  head.rule_count = static_cast<uint32_t>(rules.size());
  head.rules = append_aligned(&bytes, rules.data(), rules.size() * sizeof(init::InitRule));
  for (size_t i = 0; i < rules.size(); ++i) {
    rules[i].rights = plan.landlock.rules[i].rights;
    rules[i].path = append_text(&bytes, plan.landlock.rules[i].path.text());
  }
  memcpy(bytes.data() + head.rules, rules.data(), rules.size() * sizeof(init::InitRule));
  head.directory = append_text(&bytes, plan.directory.text());
  head.strings = static_cast<uint32_t>(bytes.size());
  for (const std::string& word : plan.command)
    append_text(&bytes, word);
  for (const std::string& value : plan.environment)
    append_text(&bytes, value);
  if (bytes.size() > (size_t{4} << 20))
    return Error{"arguments and environment are too long", E2BIG};
  head.total_bytes = static_cast<uint32_t>(bytes.size());
  memcpy(bytes.data(), &head, sizeof head);
  return bytes;
}

Result<UniqueFd> seal_bytes(const char* name, const std::string& bytes) {
  UniqueFd memory(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return errno_error("memfd_create");
  RETURN_IF_ERROR(write_all(memory.get(), bytes));
  RETURN_IF_ERROR(seal(memory.get()));
  return memory;
}

Result<UniqueFd> load_init(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + path);
  std::string bytes;
  for (ssize_t got = 1; got > 0;) {
    const size_t before = bytes.size();
    bytes.resize(before + 65536);
    got = read(file.get(), bytes.data() + before, 65536);
    if (got < 0) return errno_error("read " + path);
    bytes.resize(before + static_cast<size_t>(got));
    if (bytes.size() > (size_t{64} << 20)) return Error{path + " is larger than 64 MiB"};
  }
  UniqueFd memory(memfd_create("carrel-init", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return errno_error("memfd_create");
  RETURN_IF_ERROR(write_all(memory.get(), bytes));
  // Executable, not readable: the kernel makes such a process non-dumpable by itself (would_dump).
  if (fchmod(memory.get(), 0111) != 0) return errno_error("fchmod carrel-init's memory");
  RETURN_IF_ERROR(seal(memory.get()));
  return memory;
}

}  // namespace carrel::sandbox
