#include "profiles/parse/parse.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/reader.h"

namespace carrel::parse {
namespace {

using model::PathEntry;

/// Reads one source; every problem goes to one list, so that an author sees them all.
class ProfileReader {
 public:
  explicit ProfileReader(std::string_view file_name) : file_name_(file_name) {}

  Result<ParsedProfile> read(std::string_view source) {
    Value root;
    if (!read_toml(source, root, problems_)) return problems_.to_error(file_name_);
    model::Profile& profile = parsed_.profile;
    const TableReader top(root, "", problems_);
    top.refuse_other_keys();
    profile.name = top.text("profile", check_name, Need::kRequired);
    profile.version = top.version("version");
    profile.summary = top.text("summary", check_summary, Need::kRequired);
    if (const Value* table = top.table("purpose", Need::kRequired)) read_purpose(*table);
    if (const Value* table = top.table("session", Need::kOptional)) read_session(*table);
    for (const Value* table : top.tables("repository"))
      read_repository(*table);
    for (const Value* table : top.tables("credential"))
      read_credential(*table);
    if (const Value* table = top.table("toolchain", Need::kOptional)) read_toolchain(*table);
    check_together(profile, problems_);
    if (problems_.empty()) finish();
    if (!problems_.empty()) return problems_.to_error(file_name_);
    return std::move(parsed_);
  }

 private:
  void read_purpose(const Value& table) {
    const TableReader reader(table, "purpose", problems_);
    reader.refuse_other_keys();
    model::Purpose& purpose = parsed_.profile.purpose;
    purpose.statement = reader.text("statement", check_statement, Need::kRequired);
    purpose.use = choice(reader, "use", model::kUseWords, purpose.use);
  }

  void read_session(const Value& table) {
    const TableReader reader(table, "session", problems_);
    reader.refuse_other_keys();
    model::SessionRules& session = parsed_.profile.session;
    session.assurance = choice(reader, "assurance", model::kAssuranceWords, session.assurance);
    session.start_after =
        choice(reader, "start_after", model::kStartAfterWords, session.start_after);
    session.keystrokes = choice(reader, "keystrokes", model::kKeystrokesWords, session.keystrokes);
    session.on_record_failure = choice(reader, "on_record_failure", model::kOnRecordFailureWords,
                                       session.on_record_failure);
    session.max_duration_s = reader.duration("max_duration", 1, kMaxDurationSeconds, 0);
    if (session.max_duration_s != 0) session.max_duration_line = reader.where("max_duration");
  }

  void read_repository(const Value& table) {
    const TableReader reader(table, "repository", problems_);
    reader.refuse_other_keys();
    model::Repository repository;
    repository.where = table.where;
    repository.name = reader.text("name", check_name, Need::kRequired);
    repository.source = reader.text("source", check_source, Need::kRequired);
    repository.ref = reader.text("ref", check_ref, Need::kRequired);
    repository.history = choice(reader, "history", model::kHistoryWords, repository.history);
    repository.read = reader.paths("read");
    repository.write = reader.paths("write");
    repository.never = reader.paths("never");
    drop_redundant_reads(repository);
    if (repository.read.empty() && repository.write.empty()) {
      warn(repository.where, "[[repository]] \"" + quoted(repository.name) +
                                 "\" has no read and no write: nothing of it is exposed");
    }
    parsed_.profile.repositories.push_back(std::move(repository));
  }

  void read_credential(const Value& table) {
    const TableReader reader(table, "credential", problems_);
    reader.refuse_other_keys();
    model::Credential credential;
    credential.where = table.where;
    credential.name = reader.text("name", check_name, Need::kRequired);
    credential.kind = choice(reader, "kind", model::kCredentialKindWords, credential.kind);
    credential.audience = reader.text("audience", check_audience, Need::kRequired);
    credential.ttl_s = reader.duration("ttl", kMinTtlSeconds, kMaxTtlSeconds, credential.ttl_s);
    parsed_.profile.credentials.push_back(std::move(credential));
  }

  void read_toolchain(const Value& table) {
    const TableReader reader(table, "toolchain", problems_);
    reader.refuse_other_keys();
    parsed_.profile.toolchain.root =
        model::kToolchainRootWords[reader.choice("root", model::kToolchainRootWords, 0)];
  }

  template <typename Enum, size_t N>
  static Enum choice(const TableReader& reader, std::string_view key,
                     const std::array<std::string_view, N>& words, Enum fallback) {
    return static_cast<Enum>(reader.choice(key, words, static_cast<size_t>(fallback)));
  }

  /// The same path in read and write has one meaning only: it is writable.
  void drop_redundant_reads(model::Repository& repository) {
    std::vector<RelPath> writable;
    for (const PathEntry& entry : repository.write)
      writable.push_back(entry.path);
    std::sort(writable.begin(), writable.end());
    std::erase_if(repository.read, [&](const PathEntry& entry) {
      if (!std::binary_search(writable.begin(), writable.end(), entry.path)) return false;
      warn(entry.where, "read entry \"" + quoted(entry.path.text()) +
                            "\" is also in write, which implies read: it is writable");
      return true;
    });
  }

  /// Sorts every list, so that the order of the source changes neither profile nor digest.
  void finish() {
    const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    const auto by_path = [](const PathEntry& a, const PathEntry& b) { return a.path < b.path; };
    model::Profile& profile = parsed_.profile;
    std::sort(profile.repositories.begin(), profile.repositories.end(), by_name);
    std::sort(profile.credentials.begin(), profile.credentials.end(), by_name);
    for (model::Repository& repository : profile.repositories) {
      std::sort(repository.read.begin(), repository.read.end(), by_path);
      std::sort(repository.write.begin(), repository.write.end(), by_path);
      std::sort(repository.never.begin(), repository.never.end(), by_path);
    }
    if (to_canonical(profile).size() > kMaxCanonicalBytes) {
      problems_.add({1, 1}, "the resolved profile is larger than " +
                                std::to_string(kMaxCanonicalBytes) +
                                " bytes; name folders instead of files, or split the task");
    }
  }

  void warn(model::SourceLine where, std::string text) {
    if (parsed_.warnings.size() < kMaxErrors) {
      parsed_.warnings.push_back(to_line(file_name_, {where, std::move(text)}));
    }
  }

  std::string_view file_name_;
  Problems problems_;
  ParsedProfile parsed_;
};

}  // namespace

Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name) {
  if (source.size() > kMaxSourceBytes) {
    return Error{to_line(file_name, {{1, 1}, "larger than 1 MiB; a profile is a few KiB"})};
  }
  return ProfileReader(file_name).read(source);
}

}  // namespace carrel::parse
