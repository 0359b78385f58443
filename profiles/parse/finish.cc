#include "profiles/parse/finish.h"

#include <algorithm>

#include "profiles/parse/canonical.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

template <typename List>
void clear_lines(List& list) {
  for (auto& item : list)
    item.where = {};
}

void clear_lines(model::Purpose& purpose) {
  clear_lines(purpose.recipients);
  clear_lines(purpose.jurisdictions);
  if (purpose.agreement) purpose.agreement->where = {};
}

void clear_lines(model::SessionRules& session) {
  session.max_duration_line = {};
  session.idle_timeout_line = {};
  if (session.hours) session.hours->where = {};
}

void clear_lines(model::Repository& repository) {
  clear_lines(repository.read);
  clear_lines(repository.write);
  clear_lines(repository.never);
  repository.enforce_line = {};
  if (!repository.submit) return;
  repository.submit->where = {};
  clear_lines(repository.submit->reviewers);
}

void clear_lines(model::Network& network) {
  clear_lines(network.http);
  for (model::HttpRule& rule : network.http) {
    clear_lines(rule.methods);
    clear_lines(rule.refs);
    clear_lines(rule.headers);
  }
  clear_lines(network.addresses);
  if (network.waiver) network.waiver->where = {};
}

void clear_lines(model::Limits& limits) {
  for (model::SourceLine* line :
       {&limits.cpu_line, &limits.memory_line, &limits.processes_line, &limits.disk_line,
        &limits.inodes_line, &limits.tmpfs_line, &limits.open_files_line})
    *line = {};
}

}  // namespace

void finish(model::Profile& profile, Problems& problems) {
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
  std::sort(profile.repositories.begin(), profile.repositories.end(), by_name);
  std::sort(profile.credentials.begin(), profile.credentials.end(), by_name);
  std::sort(profile.interfaces.begin(), profile.interfaces.end(), by_name);
  std::sort(profile.networks.begin(), profile.networks.end(),
            [](const auto& a, const auto& b) { return a.host < b.host; });
  std::sort(profile.forwards.begin(), profile.forwards.end(),
            [](const auto& a, const auto& b) { return a.port < b.port; });
  std::sort(profile.widened.begin(), profile.widened.end(),
            [](const auto& a, const auto& b) { return a.of < b.of; });
  for (model::Repository& repository : profile.repositories) {
    std::sort(repository.read.begin(), repository.read.end(), by_path);
    std::sort(repository.write.begin(), repository.write.end(), by_path);
    std::sort(repository.never.begin(), repository.never.end(), by_path);
  }
  if (to_canonical(profile).size() > kMaxCanonicalBytes) {
    problems.add({1, 1}, "the resolved profile is larger than " +
                             std::to_string(kMaxCanonicalBytes) +
                             " bytes; name folders instead of files, or split the task");
  }
}

model::Profile without_lines(model::Profile profile) {
  clear_lines(profile.purpose);
  clear_lines(profile.session);
  for (model::Repository& repository : profile.repositories)
    clear_lines(repository);
  for (model::Network& network : profile.networks)
    clear_lines(network);
  clear_lines(profile.repositories);
  clear_lines(profile.networks);
  clear_lines(profile.credentials);
  clear_lines(profile.interfaces);
  clear_lines(profile.limits);
  clear_lines(profile.forwards);
  clear_lines(profile.toolchain.packages);
  profile.retention.record_line = {};
  profile.retention.contents_line = {};
  profile.retention.workspace_line = {};
  clear_lines(profile.widened);
  return profile;
}

}  // namespace carrel::parse
