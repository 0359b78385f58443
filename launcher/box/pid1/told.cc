#include "launcher/box/pid1/told.h"

#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace carrel::pid1 {

using init::InitPlan;
using init::InitRlimit;
using init::InitRule;
using init::Spawn;

const char* string_at(const Plan& plan, uint32_t offset) {
  if (offset >= plan.head->total_bytes) return nullptr;
  const void* end = memchr(plan.bytes + offset, 0, plan.head->total_bytes - offset);
  return end == nullptr ? nullptr : plan.bytes + offset;
}

namespace {

bool fits(const Plan& plan, uint32_t offset, uint64_t bytes) {
  return offset % 8 == 0 && offset <= plan.head->total_bytes &&
         bytes <= plan.head->total_bytes - offset;
}

bool read_strings(Plan* plan) {
  uint32_t at = plan->head->strings;
  const uint32_t total = plan->head->argument_count + plan->head->environment_count;
  for (uint32_t i = 0; i < total; ++i) {
    const char* text = string_at(*plan, at);
    if (text == nullptr) return false;
    // exec takes non-const pointers for historical reasons and does not write through them.
    char* entry = const_cast<char*>(text);
    if (i < plan->head->argument_count) {
      plan->arguments[i] = entry;
    } else {
      plan->environment[i - plan->head->argument_count] = entry;
    }
    at += static_cast<uint32_t>(strlen(text)) + 1;
  }
  return true;
}

bool same_name(const char* one, const char* other) {
  const size_t length = strcspn(one, "=") + 1;
  return strncmp(one, other, length) == 0;
}

/// The plan's environment with the names that the request brings replaced.
void fill_environment(const Plan& plan, char* const* brought, uint32_t count, Wanted* wanted) {
  uint32_t at = 0;
  for (; at < plan.head->environment_count; ++at) {
    wanted->environment[at] = plan.environment[at];
    for (uint32_t i = 0; i < count; ++i) {
      if (same_name(brought[i], plan.environment[at])) wanted->environment[at] = brought[i];
    }
  }
  wanted->environment[at] = nullptr;
}

}  // namespace

bool read_plan(Plan* plan) {
  struct stat what {};
  errno = EINVAL;
  if (fstat(init::kPlanFd, &what) != 0 || what.st_size < static_cast<off_t>(sizeof(InitPlan)))
    return false;
  void* memory =
      mmap(nullptr, static_cast<size_t>(what.st_size), PROT_READ, MAP_PRIVATE, init::kPlanFd, 0);
  if (memory == MAP_FAILED) return false;
  plan->bytes = static_cast<const char*>(memory);
  plan->head = static_cast<const InitPlan*>(memory);
  const InitPlan& head = *plan->head;
  errno = EINVAL;
  return head.magic == init::kMagic && head.total_bytes == static_cast<uint64_t>(what.st_size) &&
         head.argument_count > 0 && head.argument_count <= init::kMaxStrings &&
         head.environment_count <= init::kMaxStrings && head.filter_count <= init::kMaxFilter &&
         head.rule_count <= init::kMaxRules && head.rlimit_count <= init::kMaxRlimits &&
         fits(*plan, head.filter, sizeof(sock_filter) * uint64_t{head.filter_count}) &&
         fits(*plan, head.rules, sizeof(InitRule) * uint64_t{head.rule_count}) &&
         fits(*plan, head.rlimits, sizeof(InitRlimit) * uint64_t{head.rlimit_count}) &&
         string_at(*plan, head.directory) != nullptr && read_strings(plan);
}

bool read_wanted(const Plan& plan, size_t size, Wanted* wanted) {
  if (size < sizeof(Spawn)) return false;
  wanted->head = reinterpret_cast<const Spawn*>(wanted->bytes);
  const uint32_t arguments = wanted->head->argument_count;
  const uint32_t brought = wanted->head->environment_count;
  if (arguments == 0 || arguments > init::kMaxStrings || brought > 8) return false;
  const bool terminal = (wanted->head->record.a & init::kSpawnTerminal) != 0;
  if (wanted->fd_count != (terminal ? 0 : 3)) return false;
  char* environment[8] = {};
  size_t at = sizeof(Spawn);
  for (uint32_t i = 0; i < arguments + brought; ++i) {
    char* text = wanted->bytes + at;
    const void* end = at < size ? memchr(text, 0, size - at) : nullptr;
    if (end == nullptr) return false;
    if (i < arguments) {
      wanted->arguments[i] = text;
    } else {
      environment[i - arguments] = text;
    }
    at += static_cast<size_t>(static_cast<const char*>(end) - text) + 1;
  }
  wanted->arguments[arguments] = nullptr;
  fill_environment(plan, environment, brought, wanted);
  return at == size;
}

}  // namespace carrel::pid1
