#include "profiles/parse/canonical.h"

#include <algorithm>
#include <map>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/finish.h"
#include "profiles/parse/json_tree.h"
#include "profiles/parse/parse.h"
#include "profiles/parse/tables.h"

namespace carrel::parse {
namespace {

using model::PathEntry;
using model::TextEntry;

/// The string as json.dumps(…, ensure_ascii=False) writes it.
std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\f') {
      out += "\\f";
    } else if (c == '\b') {
      out += "\\b";
    } else {
      out += "\\u00" + to_hex({&c, 1});
    }
  }
  return out + '"';
}

template <typename List, typename Write>
std::string json_list(const List& list, Write write) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ',';
    out += write(item);
  }
  return out + "]";
}

std::string json_paths(const std::vector<PathEntry>& entries) {
  return json_list(entries, [](const PathEntry& entry) { return json(entry.path.text()); });
}

std::string json_texts(const std::vector<TextEntry>& entries) {
  return json_list(entries, [](const TextEntry& entry) { return json(entry.text); });
}

/// One object; its keys come out sorted.
class Object {
 public:
  /// A key that always stands there.
  Object& always(std::string_view key, std::string value) {
    members_[key] = std::move(value);
    return *this;
  }
  Object& text(std::string_view key, std::string_view value) { return always(key, json(value)); }
  Object& number(std::string_view key, uint64_t value) {
    return always(key, std::to_string(value));
  }
  template <typename Enum, size_t N>
  Object& word(std::string_view key, const std::array<std::string_view, N>& words, Enum value) {
    return text(key, model::word_of(words, value));
  }
  /// Keys that stand there only with a value that is not the default.
  Object& unless(bool is_default, std::string_view key, std::string value) {
    return is_default ? *this : always(key, std::move(value));
  }
  Object& number_unless(uint64_t usual, std::string_view key, uint64_t value) {
    return unless(value == usual, key, std::to_string(value));
  }
  Object& text_unless_empty(std::string_view key, std::string_view value) {
    return unless(value.empty(), key, json(value));
  }
  Object& texts_unless_empty(std::string_view key, const std::vector<TextEntry>& value) {
    return unless(value.empty(), key, json_texts(value));
  }
  Object& unless_empty(std::string_view key, const Object& value) {
    return unless(value.members_.empty(), key, value.str());
  }

  [[nodiscard]] std::string str() const {
    std::string out = "{";
    for (const auto& [key, value] : members_) {
      if (out.size() > 1) out += ',';
      out += json(key) + ":" + value;
    }
    return out + "}";
  }

 private:
  std::map<std::string_view, std::string> members_;
};

std::string json_purpose(const model::Purpose& purpose) {
  Object object;
  object.text("statement", purpose.statement).word("use", model::kUseWords, purpose.use);
  object.texts_unless_empty("recipients", purpose.recipients);
  object.texts_unless_empty("jurisdictions", purpose.jurisdictions);
  if (purpose.agreement) {
    Object agreement;
    agreement.text("file", purpose.agreement->file).number("version", purpose.agreement->version);
    agreement.number_unless(0, "survives", purpose.agreement->survives_s);
    object.always("agreement", agreement.str());
  }
  return object.str();
}

std::string json_session(const model::SessionRules& session) {
  Object object;
  object.word("assurance", model::kAssuranceWords, session.assurance)
      .word("keystrokes", model::kKeystrokesWords, session.keystrokes)
      .number("max_duration", session.max_duration_s)
      .word("on_record_failure", model::kOnRecordFailureWords, session.on_record_failure)
      .word("start_after", model::kStartAfterWords, session.start_after)
      .number_unless(0, "idle_timeout", session.idle_timeout_s);
  if (session.hours) {
    Object hours;
    hours.number("days", session.hours->days).number("from", session.hours->from_min);
    hours.number("to", session.hours->to_min).text("zone", session.hours->zone);
    object.always("hours", hours.str());
  }
  return object.str();
}

std::string json_repository(const model::Repository& repository) {
  Object object;
  object.word("history", model::kHistoryWords, repository.history)
      .text("name", repository.name)
      .always("never", json_paths(repository.never))
      .always("read", json_paths(repository.read))
      .text("ref", repository.ref)
      .text("source", repository.source)
      .always("write", json_paths(repository.write))
      .unless(repository.enforce == model::Enforce::kBind, "enforce",
              json(model::word_of(model::kEnforceWords, repository.enforce)));
  if (repository.submit) {
    Object submit;
    submit.text("refs", repository.submit->refs);
    submit.texts_unless_empty("reviewers", repository.submit->reviewers);
    submit.number_unless(0, "two_person", repository.submit->two_person ? 1 : 0);
    object.always("submit", submit.str());
  }
  return object.str();
}

std::string json_interface(const model::Interface& interface) {
  return Object()
      .word("kind", model::kInterfaceWords, interface.kind)
      .text("name", interface.name)
      .text("path", interface.path)
      .str();
}

std::string json_http(const model::HttpRule& rule) {
  Object object;
  if (rule.preset.empty()) {
    object.always("methods", json_texts(rule.methods)).text("path", rule.path);
  } else {
    object.text("preset", rule.preset).text("repository", rule.repository);
    object.texts_unless_empty("refs", rule.refs);
  }
  if (rule.max_body) object.number("max_body", *rule.max_body);
  return object.texts_unless_empty("headers", rule.headers)
      .number_unless(0, "upgrade", rule.upgrade ? 1 : 0)
      .number_unless(0, "escaped_slash", rule.escaped_slash ? 1 : 0)
      .str();
}

std::string json_network(const model::Network& network) {
  Object object;
  object.text("host", network.host)
      .word("mode", model::kNetworkModeWords, network.mode)
      .always("ports", json_list(network.ports, [](uint16_t port) { return std::to_string(port); }))
      .text_unless_empty("credential", network.credential)
      .unless(network.http.empty(), "http", json_list(network.http, json_http))
      .texts_unless_empty("addresses", network.addresses);
  if (network.waiver) {
    Object waiver;
    waiver.text("by", network.waiver->by).text("reason", network.waiver->reason);
    object.always("waiver", waiver.str());
  }
  Object budget;
  if (network.budget.up) budget.number("up", *network.budget.up);
  if (network.budget.down) budget.number("down", *network.budget.down);
  return object.unless_empty("budget", budget).str();
}

std::string json_credential(const model::Credential& credential) {
  Object object;
  object.word("kind", model::kCredentialKindWords, credential.kind)
      .text("name", credential.name)
      .number("ttl", credential.ttl_s)
      .text_unless_empty("audience", credential.audience)
      .text_unless_empty("from", credential.from)
      .unless(credential.inject.empty() || credential.inject == model::kBearer, "inject",
              json(credential.inject))
      .text_unless_empty("user", credential.user)
      .unless(credential.alg == model::TokenAlg::kEdDsa, "alg",
              json(model::word_of(model::kTokenAlgWords, credential.alg)));
  if (credential.issue != model::CredentialIssue::kStart) {
    object.word("issue", model::kCredentialIssueWords, credential.issue);
  }
  return object.str();
}

Object limits_object(const model::Limits& limits) {
  const model::Limits usual;
  Object object;
  object.number_unless(usual.cpu_milli, "cpu", limits.cpu_milli)
      .number_unless(usual.memory_bytes, "memory", limits.memory_bytes)
      .number_unless(usual.processes, "processes", limits.processes)
      .number_unless(usual.disk_bytes, "disk", limits.disk_bytes)
      .number_unless(usual.inodes, "inodes", limits.inodes)
      .number_unless(usual.tmpfs_bytes, "tmpfs", limits.tmpfs_bytes)
      .number_unless(usual.open_files, "open_files", limits.open_files);
  return object;
}

std::string json_widen(const model::Widen& widen) {
  return Object()
      .text("approved_by", widen.approved_by)
      .text("of", widen.of)
      .text("reason", widen.reason)
      .str();
}

}  // namespace

std::string to_canonical(const model::Profile& profile) {
  Object toolchain;
  toolchain.text("root", profile.toolchain.root);
  toolchain.texts_unless_empty("packages", profile.toolchain.packages);
  Object retention;
  retention.number_unless(0, "record", profile.retention.record_s)
      .number_unless(0, "contents", profile.retention.contents_s)
      .number_unless(0, "workspace", profile.retention.workspace_s);
  const auto forward = [](const model::Forward& one) {
    return Object().number("port", one.port).str();
  };
  Object object;
  object.always("credential", json_list(profile.credentials, json_credential))
      .text("profile", profile.name)
      .always("purpose", json_purpose(profile.purpose))
      .always("repository", json_list(profile.repositories, json_repository))
      .always("session", json_session(profile.session))
      .text("summary", profile.summary)
      .always("toolchain", toolchain.str())
      .number("version", profile.version)
      .unless(profile.interfaces.empty(), "interface",
              json_list(profile.interfaces, json_interface))
      .unless(profile.networks.empty(), "network", json_list(profile.networks, json_network))
      .unless_empty("limits", limits_object(profile.limits))
      .unless(profile.forwards.empty(), "forward", json_list(profile.forwards, forward))
      .unless_empty("retention", retention)
      .unless(profile.widened.empty(), "widen", json_list(profile.widened, json_widen));
  return object.str();
}

Result<model::Profile> parse_canonical(std::string_view bytes) {
  return parse_canonical(bytes, not_yet());
}

Result<model::Profile> parse_canonical(std::string_view bytes, std::span<const NotYet> refused) {
  if (bytes.size() > kMaxCanonicalBytes) return Error{"canonical profile is too large"};
  Value root;
  if (!read_canonical_json(bytes, root) || root.kind != Value::Kind::kTable) {
    return Error{"canonical profile is malformed"};
  }
  Problems problems;
  Warnings warnings;
  model::Profile profile =
      read_tables(root, {problems, refused, Notation::kCanonical, false}, warnings);
  check_together(profile, false, problems);
  if (problems.empty()) finish(profile, problems);
  if (!problems.empty()) return problems.to_error("canonical profile");
  if (to_canonical(profile) != bytes) return Error{"canonical profile is malformed"};
  return without_lines(std::move(profile));
}

}  // namespace carrel::parse
