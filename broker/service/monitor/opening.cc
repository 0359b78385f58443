#include "broker/service/monitor/opening.h"

#include <optional>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"
#include "profiles/model/credentials.h"

namespace carrel::monitor {
namespace {

constexpr size_t kMaxSource = size_t{1} << 20;
constexpr size_t kMaxPath = 4096;
constexpr int kMaxWords = 4096;
constexpr size_t kMaxCommand = size_t{1} << 20;

std::string word_of(model::Use use) {
  switch (use) {
    case model::Use::kEvaluation:
      return "evaluation";
    case model::Use::kTesting:
      return "testing";
    case model::Use::kIntegration:
      return "integration";
    case model::Use::kDevelopment:
      return "development";
  }
  return "";
}

/// Of a certificate of ssh nothing: profiles cannot ask for one yet.
std::optional<credentials::Kind> kind_of(model::CredentialKind kind) {
  switch (kind) {
    case model::CredentialKind::kJwt:
      return credentials::Kind::kJwt;
    case model::CredentialKind::kHeader:
      return credentials::Kind::kHeader;
    case model::CredentialKind::kFile:
      return credentials::Kind::kFile;
    case model::CredentialKind::kX509:
      return credentials::Kind::kX509;
    case model::CredentialKind::kSshCertificate:
      break;
  }
  return std::nullopt;
}

credentials::Alg alg_of(model::TokenAlg alg) {
  switch (alg) {
    case model::TokenAlg::kEdDsa:
      return credentials::Alg::kEdDsa;
    case model::TokenAlg::kEs256:
      return credentials::Alg::kEs256;
    case model::TokenAlg::kRs256:
      return credentials::Alg::kRs256;
  }
  return credentials::Alg::kEdDsa;
}

Result<credentials::Grant> grant_of(const model::Credential& credential) {
  const std::optional<credentials::Kind> kind = kind_of(credential.kind);
  if (!kind.has_value()) {
    return Error{"credential " + quoted(credential.name) + ": its kind is not supported yet"};
  }
  credentials::Grant grant{credential.name, credential.audience, credential.ttl_s,
                           *kind,           credential.from,     alg_of(credential.alg)};
  RETURN_IF_ERROR(credentials::check_grant(grant));
  return grant;
}

credentials::Holder holder_of(const model::Profile& profile, const store::SessionRow& row) {
  credentials::Holder holder;
  holder.session = row.session;
  holder.task = row.task;
  holder.profile = profile.name;
  holder.profile_version = profile.version;
  holder.contractor = row.person;
  holder.purpose = word_of(profile.purpose.use);
  for (const model::Repository& repository : profile.repositories)
    holder.repositories.push_back(repository.name);
  for (const model::Credential& credential : profile.credentials) {
    Result<credentials::Grant> grant = grant_of(credential);
    if (!grant.ok()) continue;
    holder.grants.push_back(grant.take());
    holder.grants.back().on_request = credential.issue == model::CredentialIssue::kRequest;
    holder.grants.back().used_by = model::users_of(profile, credential.name);
  }
  return holder;
}

}  // namespace

Status check_command(const google::protobuf::RepeatedPtrField<std::string>& command) {
  if (command.size() > kMaxWords) return Error{"command: too many arguments"};
  size_t bytes = 0;
  for (const std::string& word : command) {
    if (word.find('\0') != std::string::npos) return Error{"command: NUL in an argument"};
    bytes += word.size() + 1;
  }
  if (bytes > kMaxCommand) return Error{"command: too long"};
  return Done{};
}

Result<ReadProfile> check_open_request(const protocol::OpenRequest& request,
                                       const ProfileReader& read_profile,
                                       const credentials::Issuer& issuer) {
  if (request.profile_source().size() > kMaxSource) return Error{"profile: larger than 1 MiB"};
  if (request.profile_path().size() > kMaxPath) return Error{"profile: path too long"};
  RETURN_IF_ERROR(check_command(request.command()));
  ASSIGN_OR_RETURN(ReadProfile read, read_profile(request.profile_source(), request.profile_path(),
                                                  request.extended()));
  if (read.canonical != request.canonical()) {
    return Error{"profile: what was asked for is not what its source says"};
  }
  for (const model::Credential& credential : read.profile.credentials) {
    const Result<credentials::Grant> grant = grant_of(credential);
    if (!grant.ok()) return grant.error();
    RETURN_IF_ERROR(issuer.check(grant.value()));
  }
  return read;
}

Granted make_granted(const protocol::OpenRequest& request, const ReadProfile& read,
                     const std::string& task, const std::string& person,
                     const std::pair<std::string, std::string>& ids) {
  Granted granted;
  store::SessionRow& row = granted.row;
  row.session = ids.first;
  row.workspace = ids.second;
  row.task = task;
  row.profile = read.profile.name;
  row.profile_version = read.profile.version;
  row.profile_sha256 = to_hex(evidence::as_view(evidence::sha256(read.canonical)));
  row.person = person;
  row.command.assign(request.command().begin(), request.command().end());
  granted.holder = holder_of(read.profile, row);
  protocol::SessionSpec& spec = granted.spec;
  spec.set_session(row.session);
  spec.set_workspace(row.workspace);
  spec.set_task(row.task);
  spec.set_person(person);
  spec.set_canonical(read.canonical);
  spec.set_profile_path(request.profile_path());
  *spec.mutable_command() = request.command();
  spec.set_tty(request.tty());
  for (const ReadProfile::RuleLine& line : read.rule_lines) {
    protocol::RuleLine* rule = spec.add_rule_lines();
    rule->set_id(line.id);
    rule->set_line(line.line);
    rule->set_file(line.file);
  }
  return granted;
}

}  // namespace carrel::monitor
