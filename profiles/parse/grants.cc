// The tables that grant something by name: repositories, stand-ins, credentials, ports.

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/parse.h"
#include "profiles/parse/tables.h"

namespace carrel::parse {
namespace {

using model::CredentialKind;
using model::PathEntry;

/// The same path in read and write has one meaning only: it is writable.
void drop_redundant_reads(model::Repository& repository, Warnings& warnings) {
  std::vector<RelPath> writable;
  for (const PathEntry& entry : repository.write)
    writable.push_back(entry.path);
  std::sort(writable.begin(), writable.end());
  std::erase_if(repository.read, [&](const PathEntry& entry) {
    if (!std::binary_search(writable.begin(), writable.end(), entry.path)) return false;
    warnings.push_back(
        {entry.where, "read entry \"" + quoted(entry.path.text()) +
                          "\" is also in write, which implies read: it is writable"});
    return true;
  });
}

std::optional<model::Submit> read_submit(const TableReader& repository, const Reading& reading) {
  const Value* table = repository.table("submit", Need::kOptional);
  if (table == nullptr) return std::nullopt;
  const TableReader reader(*table, "repository.submit", reading);
  reader.refuse_other_keys();
  model::Submit submit;
  submit.where = repository.where("submit");
  submit.refs = reader.text("refs", check_submit_refs, Need::kRequired);
  submit.reviewers = reader.texts("reviewers", check_name);
  submit.two_person = reader.boolean("two_person");
  return submit;
}

bool is_copied(CredentialKind kind) {
  return kind == CredentialKind::kJwt || kind == CredentialKind::kFile;
}

/// How a credential that the gateway puts into requests is written there.
void read_header(const TableReader& reader, model::Credential& credential) {
  const bool header = credential.kind == CredentialKind::kHeader;
  credential.inject =
      reader.text("inject", check_inject, Need::kOptional, header ? model::kBearer : "");
  const bool basic = header && credential.inject == model::kBasic;
  credential.user = reader.text("user", check_user, basic ? Need::kRequired : Need::kOptional);
  if (!header) {
    for (const std::string_view key : {"inject", "user"}) {
      if ((key == "user" ? credential.user : credential.inject).empty()) continue;
      reader.complain(key, "is for kind = \"header\"; other kinds are no header");
    }
    return;
  }
  if (credential.from.starts_with("ca:")) {
    reader.complain("from", "is a ca; a header says from = \"secret:NAME\"");
  }
  if (!basic && !credential.user.empty()) {
    reader.complain("user", "is for inject = \"basic\"; a bearer or a header has none");
  }
}

}  // namespace

model::Repository read_repository(const Value& table, const Reading& reading, Warnings& warnings) {
  const TableReader reader(table, "repository", reading);
  reader.refuse_other_keys();
  model::Repository repository;
  repository.where = table.where;
  repository.name = reader.text("name", check_name, Need::kRequired);
  repository.source = reader.text("source", check_source, Need::kRequired);
  repository.ref = reader.text("ref", check_ref, Need::kRequired);
  repository.history = reader.word("history", model::kHistoryWords, repository.history);
  repository.read = reader.paths("read");
  repository.write = reader.paths("write");
  repository.never = reader.paths("never");
  repository.enforce = reader.word("enforce", model::kEnforceWords, repository.enforce);
  repository.enforce_line = reader.line_of("enforce");
  repository.submit = read_submit(reader, reading);
  drop_redundant_reads(repository, warnings);
  if (repository.read.empty() && repository.write.empty() && !reading.part) {
    warnings.push_back({repository.where, "[[repository]] \"" + quoted(repository.name) +
                                              "\" has no read and no write: nothing of it is "
                                              "exposed"});
  }
  return repository;
}

model::Interface read_interface(const Value& table, const Reading& reading) {
  const TableReader reader(table, "interface", reading);
  reader.refuse_other_keys();
  model::Interface interface;
  interface.where = table.where;
  interface.name = reader.text("name", check_name, Need::kRequired);
  interface.kind = reader.word("kind", model::kInterfaceWords, interface.kind);
  interface.path = reader.text("path", check_path, Need::kRequired);
  return interface;
}

model::Credential read_credential(const Value& table, const Reading& reading) {
  const TableReader reader(table, "credential", reading);
  reader.refuse_other_keys();
  model::Credential credential;
  credential.where = table.where;
  credential.name = reader.text("name", check_name, Need::kRequired);
  credential.kind = reader.word("kind", model::kCredentialKindWords, credential.kind);
  const bool is_token = credential.kind == CredentialKind::kJwt;
  credential.audience =
      reader.text("audience", check_audience, is_token ? Need::kRequired : Need::kOptional);
  credential.from = reader.text("from", check_from, is_token ? Need::kOptional : Need::kRequired);
  if (is_token && !credential.from.empty()) {
    reader.complain("from", "is for other kinds; a jwt is made by the broker for its audience");
  } else if (!is_token && !credential.audience.empty()) {
    reader.complain("audience", "is for a jwt; other kinds say from = \"secret:NAME\"");
  }
  credential.alg = reader.word("alg", model::kTokenAlgWords, credential.alg);
  if (!is_token && reader.has("alg")) {
    reader.complain("alg", "is for a jwt; other kinds are not signed so");
  }
  read_header(reader, credential);
  credential.issue = reader.word("issue", model::kCredentialIssueWords, credential.issue);
  const uint64_t longest = is_copied(credential.kind) ? kMaxCopiedTtlSeconds : kMaxTtlSeconds;
  credential.ttl_s = reader.duration("ttl", {kMinTtlSeconds, longest}, credential.ttl_s);
  return credential;
}

model::Forward read_forward(const Value& table, const Reading& reading) {
  const TableReader reader(table, "forward", reading);
  reader.refuse_other_keys();
  model::Forward forward;
  forward.where = table.where;
  forward.port = static_cast<uint16_t>(reader.integer("port", {1, 65535}, Need::kRequired));
  return forward;
}

}  // namespace carrel::parse
