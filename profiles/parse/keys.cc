#include "profiles/parse/keys.h"

#include <array>

namespace carrel::parse {
namespace {

constexpr std::array kKeys = {
    KeySpec{"profile", Shape::kText},
    KeySpec{"version", Shape::kInteger},
    KeySpec{"summary", Shape::kText},
    KeySpec{"extends", Shape::kTexts},
    KeySpec{"widen", Shape::kTables},
    KeySpec{"widen.of", Shape::kText},
    KeySpec{"widen.reason", Shape::kText},
    KeySpec{"widen.approved_by", Shape::kText},
    KeySpec{"purpose", Shape::kTable},
    KeySpec{"purpose.statement", Shape::kText},
    KeySpec{"purpose.use", Shape::kChoice},
    KeySpec{"purpose.recipients", Shape::kTexts},
    KeySpec{"purpose.jurisdictions", Shape::kTexts},
    KeySpec{"purpose.agreement", Shape::kTable},
    KeySpec{"purpose.agreement.file", Shape::kText},
    KeySpec{"purpose.agreement.version", Shape::kInteger},
    KeySpec{"purpose.agreement.survives", Shape::kDuration},
    KeySpec{"session", Shape::kTable},
    KeySpec{"session.max_duration", Shape::kDuration},
    KeySpec{"session.idle_timeout", Shape::kDuration},
    KeySpec{"session.hours", Shape::kTable},
    KeySpec{"session.hours.days", Shape::kText},
    KeySpec{"session.hours.from", Shape::kTime},
    KeySpec{"session.hours.to", Shape::kTime},
    KeySpec{"session.hours.zone", Shape::kText},
    KeySpec{"session.assurance", Shape::kChoice},
    KeySpec{"session.start_after", Shape::kChoice},
    KeySpec{"session.keystrokes", Shape::kChoice},
    KeySpec{"session.on_record_failure", Shape::kChoice},
    KeySpec{"repository", Shape::kTables},
    KeySpec{"repository.name", Shape::kText},
    KeySpec{"repository.source", Shape::kText},
    KeySpec{"repository.ref", Shape::kText},
    KeySpec{"repository.history", Shape::kChoice},
    KeySpec{"repository.read", Shape::kPaths},
    KeySpec{"repository.write", Shape::kPaths},
    KeySpec{"repository.never", Shape::kPaths},
    KeySpec{"repository.enforce", Shape::kChoice},
    KeySpec{"repository.submit", Shape::kTable},
    KeySpec{"repository.submit.refs", Shape::kText},
    KeySpec{"repository.submit.reviewers", Shape::kTexts},
    KeySpec{"repository.submit.two_person", Shape::kBoolean},
    KeySpec{"interface", Shape::kTables},
    KeySpec{"interface.name", Shape::kText},
    KeySpec{"interface.kind", Shape::kChoice},
    KeySpec{"interface.path", Shape::kText},
    KeySpec{"network", Shape::kTables},
    KeySpec{"network.host", Shape::kText},
    KeySpec{"network.ports", Shape::kIntegers},
    KeySpec{"network.mode", Shape::kChoice},
    KeySpec{"network.http", Shape::kTables},
    KeySpec{"network.http.methods", Shape::kTexts},
    KeySpec{"network.http.path", Shape::kText},
    KeySpec{"network.http.max_body", Shape::kSize},
    KeySpec{"network.credential", Shape::kText},
    KeySpec{"network.budget", Shape::kTable},
    KeySpec{"network.budget.up", Shape::kSize},
    KeySpec{"network.budget.down", Shape::kSize},
    KeySpec{"credential", Shape::kTables},
    KeySpec{"credential.name", Shape::kText},
    KeySpec{"credential.kind", Shape::kChoice},
    KeySpec{"credential.audience", Shape::kText},
    KeySpec{"credential.ttl", Shape::kDuration},
    KeySpec{"credential.from", Shape::kText},
    KeySpec{"limits", Shape::kTable},
    KeySpec{"limits.cpu", Shape::kProcessors},
    KeySpec{"limits.memory", Shape::kSize},
    KeySpec{"limits.processes", Shape::kInteger},
    KeySpec{"limits.disk", Shape::kSize},
    KeySpec{"limits.inodes", Shape::kInteger},
    KeySpec{"limits.tmpfs", Shape::kSize},
    KeySpec{"limits.open_files", Shape::kInteger},
    KeySpec{"forward", Shape::kTables},
    KeySpec{"forward.port", Shape::kInteger},
    KeySpec{"toolchain", Shape::kTable},
    KeySpec{"toolchain.root", Shape::kText},
    KeySpec{"toolchain.packages", Shape::kTexts},
    KeySpec{"retention", Shape::kTable},
    KeySpec{"retention.record", Shape::kDuration},
    KeySpec{"retention.contents", Shape::kDuration},
    KeySpec{"retention.workspace", Shape::kDuration},
    KeySpec{"service", Shape::kTables},
    KeySpec{"stage", Shape::kTables},
    KeySpec{"editor", Shape::kTable},
    KeySpec{"review", Shape::kTable},
    KeySpec{"record", Shape::kTable},
    KeySpec{"env", Shape::kTable},
    KeySpec{"grants", Shape::kTable},
};

}  // namespace

std::span<const KeySpec> known_keys() {
  return kKeys;
}

const KeySpec* find_key(std::string_view full_name) {
  for (const KeySpec& spec : kKeys) {
    if (spec.name == full_name) return &spec;
  }
  return nullptr;
}

}  // namespace carrel::parse
