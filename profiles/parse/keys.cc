#include "profiles/parse/keys.h"

#include <array>

namespace carrel::parse {
namespace {

constexpr std::array kKeys = {
    KeySpec{"profile", Shape::kText, "the profile's name; a file without it can only be extended"},
    KeySpec{"version", Shape::kInteger, "counted up by the author with every change"},
    KeySpec{"summary", Shape::kText, "what the task may do, in one line"},
    KeySpec{"extends", Shape::kTexts,
            "profiles that this one takes over and narrows: of the library, or ./NAME.toml"},
    KeySpec{"widen", Shape::kTables, "what this profile may do beyond one that it extends"},
    KeySpec{"widen.of", Shape::kText, "PARENT:RULE, the rule that would deny it"},
    KeySpec{"widen.reason", Shape::kText, "why"},
    KeySpec{"widen.approved_by", Shape::kText, "the person who approved it"},
    KeySpec{"purpose", Shape::kTable, "why the access is given"},
    KeySpec{"purpose.statement", Shape::kText, "the reason, in words"},
    KeySpec{"purpose.use", Shape::kChoice, "the kind of work"},
    KeySpec{"purpose.recipients", Shape::kTexts, "organisations that may receive this"},
    KeySpec{"purpose.jurisdictions", Shape::kTexts,
            "countries in which the contractor is registered"},
    KeySpec{"purpose.agreement", Shape::kTable, "what is accepted at the first opening"},
    KeySpec{"purpose.agreement.file", Shape::kText, "its text, from the profile's folder"},
    KeySpec{"purpose.agreement.version", Shape::kInteger, "its version"},
    KeySpec{"purpose.agreement.survives", Shape::kDuration, "how long its duties outlive the task"},
    KeySpec{"session", Shape::kTable, "rules of each session"},
    KeySpec{"session.max_duration", Shape::kDuration, "a session ends after this time"},
    KeySpec{"session.idle_timeout", Shape::kDuration,
            "a session ends when nothing was typed for so long"},
    KeySpec{"session.hours", Shape::kTable, "when sessions may be open"},
    KeySpec{"session.hours.days", Shape::kText, "the days on which a window begins, like mon-fri"},
    KeySpec{"session.hours.from", Shape::kTime, "its beginning"},
    KeySpec{"session.hours.to", Shape::kTime, "its end; before the beginning: on the next day"},
    KeySpec{"session.hours.zone", Shape::kText, "whose clock, like Europe/Berlin"},
    KeySpec{"session.assurance", Shape::kChoice,
            "full: no session where the host cannot give every guarantee"},
    KeySpec{"session.start_after", Shape::kChoice,
            "what the record must have reached before work begins"},
    KeySpec{"session.keystrokes", Shape::kChoice, "what is recorded of keystrokes"},
    KeySpec{"session.on_record_failure", Shape::kChoice,
            "what happens when a session can no longer be recorded"},
    KeySpec{"repository", Shape::kTables, "repositories of which parts are exposed"},
    KeySpec{"repository.name", Shape::kText, "the folder below /workspaces"},
    KeySpec{"repository.source", Shape::kText,
            "the repository on this host; absolute, or relative to this file"},
    KeySpec{"repository.ref", Shape::kText, "the state that is exposed"},
    KeySpec{"repository.history", Shape::kChoice, "how much of its past"},
    KeySpec{"repository.read", Shape::kPaths, "paths that may be read"},
    KeySpec{"repository.write", Shape::kPaths, "paths that may be read and changed"},
    KeySpec{"repository.never", Shape::kPaths,
            "paths that are not there at all, whatever else is granted"},
    KeySpec{"repository.enforce", Shape::kChoice, "how its read entries are kept"},
    KeySpec{"repository.submit", Shape::kTable, "where work is handed in"},
    KeySpec{"repository.submit.refs", Shape::kText, "the refs that a push may make"},
    KeySpec{"repository.submit.reviewers", Shape::kTexts, "who reviews"},
    KeySpec{"repository.submit.two_person", Shape::kBoolean, "two of them have to agree"},
    KeySpec{"interface", Shape::kTables, "stand-ins for what stays hidden"},
    KeySpec{"interface.name", Shape::kText, "its name"},
    KeySpec{"interface.kind", Shape::kChoice, "what it is"},
    KeySpec{"interface.path", Shape::kText, "where it lies"},
    KeySpec{"network", Shape::kTables, "hosts that can be reached"},
    KeySpec{"network.host", Shape::kText, "its name in lower case"},
    KeySpec{"network.ports", Shape::kIntegers, "its ports"},
    KeySpec{"network.mode", Shape::kChoice, "what the gateway does with the traffic"},
    KeySpec{"network.http", Shape::kTables, "the requests that may pass"},
    KeySpec{"network.http.methods", Shape::kTexts, "like GET"},
    KeySpec{"network.http.path", Shape::kText, "* is one component, a last ** all below"},
    KeySpec{"network.http.max_body", Shape::kSize, "the longest body"},
    KeySpec{"network.credential", Shape::kText, "the credential that the gateway puts in"},
    KeySpec{"network.budget", Shape::kTable, "bytes that may pass in a session"},
    KeySpec{"network.budget.up", Shape::kSize, "out of the workspace"},
    KeySpec{"network.budget.down", Shape::kSize, "into it"},
    KeySpec{"credential", Shape::kTables, "short-lived credentials"},
    KeySpec{"credential.name", Shape::kText, "its name"},
    KeySpec{"credential.kind", Shape::kChoice, "what it is"},
    KeySpec{"credential.audience", Shape::kText, "the service that may accept a jwt"},
    KeySpec{"credential.ttl", Shape::kDuration, "how long one is valid; it is renewed by itself"},
    KeySpec{"credential.from", Shape::kText,
            "where another kind is taken from: secret:NAME or ca:NAME"},
    KeySpec{"limits", Shape::kTable, "what one workspace may use"},
    KeySpec{"limits.cpu", Shape::kProcessors, "processors"},
    KeySpec{"limits.memory", Shape::kSize, "memory and swap"},
    KeySpec{"limits.processes", Shape::kInteger, "processes and threads"},
    KeySpec{"limits.disk", Shape::kSize, "bytes that the workspace holds"},
    KeySpec{"limits.inodes", Shape::kInteger, "files that it holds"},
    KeySpec{"limits.tmpfs", Shape::kSize, "bytes of /tmp"},
    KeySpec{"limits.open_files", Shape::kInteger, "open files of one process"},
    KeySpec{"forward", Shape::kTables, "ports inside that a channel may reach"},
    KeySpec{"forward.port", Shape::kInteger, "a port of the workspace's loopback"},
    KeySpec{"toolchain", Shape::kTable, "where programs come from"},
    KeySpec{"toolchain.root", Shape::kText, "host: the host's /usr, read-only"},
    KeySpec{"toolchain.packages", Shape::kTexts, "what is built in"},
    KeySpec{"retention", Shape::kTable, "how long things are kept"},
    KeySpec{"retention.record", Shape::kDuration, "the record of a session"},
    KeySpec{"retention.contents", Shape::kDuration, "contents of files in it"},
    KeySpec{"retention.workspace", Shape::kDuration, "unsubmitted work after the task's end"},
    KeySpec{"service", Shape::kTables, "reserved"},
    KeySpec{"stage", Shape::kTables, "reserved"},
    KeySpec{"editor", Shape::kTable, "reserved"},
    KeySpec{"review", Shape::kTable, "reserved"},
    KeySpec{"record", Shape::kTable, "reserved"},
    KeySpec{"env", Shape::kTable, "reserved"},
    KeySpec{"grants", Shape::kTable, "reserved"},
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
