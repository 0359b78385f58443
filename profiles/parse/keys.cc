#include "profiles/parse/keys.h"

namespace carrel::parse {
namespace {

constexpr Support kEnforced = Support::kEnforced;
constexpr Support kNotYet = Support::kNotYet;

constexpr std::array kKeys = {
    KeySpec{"profile", kEnforced},
    KeySpec{"version", kEnforced},
    KeySpec{"summary", kEnforced},
    KeySpec{"extends", kNotYet},
    KeySpec{"widen", kNotYet},
    KeySpec{"purpose", kEnforced},
    KeySpec{"purpose.statement", kEnforced},
    KeySpec{"purpose.use", kEnforced},
    KeySpec{"purpose.recipients", kNotYet},
    KeySpec{"purpose.jurisdictions", kNotYet},
    KeySpec{"purpose.agreement", kNotYet},
    KeySpec{"session", kEnforced},
    KeySpec{"session.max_duration", kEnforced},
    KeySpec{"session.assurance", kEnforced},
    KeySpec{"session.start_after", kEnforced},
    KeySpec{"session.keystrokes", kEnforced},
    KeySpec{"session.on_record_failure", kEnforced},
    KeySpec{"session.idle_timeout", kNotYet},
    KeySpec{"session.hours", kNotYet},
    KeySpec{"repository", kEnforced},
    KeySpec{"repository.name", kEnforced},
    KeySpec{"repository.source", kEnforced},
    KeySpec{"repository.ref", kEnforced},
    KeySpec{"repository.history", kEnforced},
    KeySpec{"repository.read", kEnforced},
    KeySpec{"repository.write", kEnforced},
    KeySpec{"repository.never", kEnforced},
    KeySpec{"repository.enforce", kNotYet},
    KeySpec{"repository.submit", kNotYet},
    KeySpec{"interface", kNotYet},
    KeySpec{"network", kNotYet},
    KeySpec{"credential", kEnforced},
    KeySpec{"credential.name", kEnforced},
    KeySpec{"credential.kind", kEnforced},
    KeySpec{"credential.audience", kEnforced},
    KeySpec{"credential.ttl", kEnforced},
    KeySpec{"credential.from", kNotYet},
    KeySpec{"limits", kNotYet},
    KeySpec{"forward", kNotYet},
    KeySpec{"toolchain", kEnforced},
    KeySpec{"toolchain.root", kEnforced},
    KeySpec{"toolchain.packages", kNotYet},
    KeySpec{"retention", kNotYet},
    KeySpec{"service", kNotYet},
    KeySpec{"stage", kNotYet},
    KeySpec{"editor", kNotYet},
    KeySpec{"review", kNotYet},
    KeySpec{"record", kNotYet},
    KeySpec{"env", kNotYet},
    KeySpec{"grants", kNotYet},
};

constexpr std::array kValuesNotYet = {
    ValueSpec{"session.start_after", "sealed"},    ValueSpec{"session.start_after", "anchored"},
    ValueSpec{"session.start_after", "witnessed"}, ValueSpec{"session.keystrokes", "lengths"},
    ValueSpec{"session.keystrokes", "full"},       ValueSpec{"session.on_record_failure", "freeze"},
    ValueSpec{"repository.history", "squashed"},   ValueSpec{"repository.history", "filtered"},
    ValueSpec{"credential.kind", "header"},        ValueSpec{"credential.kind", "ssh-certificate"},
    ValueSpec{"credential.kind", "x509"},          ValueSpec{"credential.kind", "file"},
};

}  // namespace

std::span<const KeySpec> known_keys() {
  return kKeys;
}
std::span<const ValueSpec> values_not_yet() {
  return kValuesNotYet;
}

}  // namespace carrel::parse
