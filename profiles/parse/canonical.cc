#include "profiles/parse/canonical.h"

#include <array>
#include <charconv>

#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/checks.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

using model::PathEntry;

/// The string as json.dumps(…, ensure_ascii=False) writes it.
std::string json_string(std::string_view text) {
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

std::string json_paths(const std::vector<PathEntry>& entries) {
  std::string out = "[";
  for (const PathEntry& entry : entries) {
    if (out.size() > 1) out += ',';
    out += json_string(entry.path.text());
  }
  return out + "]";
}

/// Walks bytes that must be exactly what to_canonical writes: keys are literals in a fixed order,
/// so there is no general JSON here, no recursion and no state but the place. The first error
/// sticks.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

  void literal(std::string_view text) {
    if (!ok_ || !rest_.starts_with(text)) {
      ok_ = false;
      return;
    }
    rest_.remove_prefix(text.size());
  }

  /// True when the text stands here; it is then consumed.
  bool take(std::string_view text) {
    if (!ok_ || !rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  uint64_t integer() {
    uint64_t value = 0;
    const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failure != std::errc{}) ok_ = false;
    if (ok_) rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  std::string string() {
    literal("\"");
    std::string out;
    while (ok_) {
      if (rest_.empty()) {
        ok_ = false;
      } else if (take("\"")) {
        return out;
      } else if (take("\\")) {
        out += escaped();
      } else {
        out += rest_[0];
        rest_.remove_prefix(1);
      }
    }
    return out;
  }

  template <typename Enum, size_t N>
  Enum word(const std::array<std::string_view, N>& words) {
    const std::string text = string();
    for (size_t i = 0; i < N; ++i) {
      if (words[i] == text) return static_cast<Enum>(i);
    }
    ok_ = false;
    return Enum{};
  }

  std::vector<PathEntry> paths() {
    std::vector<PathEntry> entries;
    literal("[");
    if (take("]")) return entries;
    do {
      auto path = RelPath::parse(string());
      if (!path.ok()) ok_ = false;
      if (ok_) entries.push_back({path.take(), {}});
    } while (take(","));
    literal("]");
    return entries;
  }

 private:
  /// Which escapes are allowed where is checked at the end, by writing the profile again.
  char escaped() {
    constexpr std::string_view kLetters = "\"\\nrtfb";
    constexpr std::string_view kMeanings = "\"\\\n\r\t\f\b";
    if (!rest_.empty()) {
      const size_t at = kLetters.find(rest_[0]);
      if (at != std::string_view::npos) {
        rest_.remove_prefix(1);
        return kMeanings[at];
      }
    }
    if (take("u00") && rest_.size() >= 2) {
      const auto byte = from_hex(rest_.substr(0, 2));
      if (byte && static_cast<unsigned char>((*byte)[0]) < 0x20) {
        rest_.remove_prefix(2);
        return (*byte)[0];
      }
    }
    ok_ = false;
    return '\0';
  }

  std::string_view rest_;
  bool ok_ = true;
};

void read_credentials(Cursor& cursor, std::vector<model::Credential>& credentials) {
  cursor.literal("[");
  if (cursor.take("]")) return;
  do {
    model::Credential credential;
    cursor.literal("{\"audience\":");
    credential.audience = cursor.string();
    cursor.literal(",\"kind\":");
    credential.kind = cursor.word<model::CredentialKind>(model::kCredentialKindWords);
    cursor.literal(",\"name\":");
    credential.name = cursor.string();
    cursor.literal(",\"ttl\":");
    credential.ttl_s = cursor.integer();
    cursor.literal("}");
    credentials.push_back(std::move(credential));
  } while (cursor.take(","));
  cursor.literal("]");
}

void read_repositories(Cursor& cursor, std::vector<model::Repository>& repositories) {
  cursor.literal("[");
  if (cursor.take("]")) return;
  do {
    model::Repository repository;
    cursor.literal("{\"history\":");
    repository.history = cursor.word<model::History>(model::kHistoryWords);
    cursor.literal(",\"name\":");
    repository.name = cursor.string();
    cursor.literal(",\"never\":");
    repository.never = cursor.paths();
    cursor.literal(",\"read\":");
    repository.read = cursor.paths();
    cursor.literal(",\"ref\":");
    repository.ref = cursor.string();
    cursor.literal(",\"source\":");
    repository.source = cursor.string();
    cursor.literal(",\"write\":");
    repository.write = cursor.paths();
    cursor.literal("}");
    repositories.push_back(std::move(repository));
  } while (cursor.take(","));
  cursor.literal("]");
}

void read_session(Cursor& cursor, model::SessionRules& session) {
  cursor.literal("{\"assurance\":");
  session.assurance = cursor.word<model::AssuranceLevel>(model::kAssuranceWords);
  cursor.literal(",\"keystrokes\":");
  session.keystrokes = cursor.word<model::Keystrokes>(model::kKeystrokesWords);
  cursor.literal(",\"max_duration\":");
  session.max_duration_s = cursor.integer();
  cursor.literal(",\"on_record_failure\":");
  session.on_record_failure = cursor.word<model::OnRecordFailure>(model::kOnRecordFailureWords);
  cursor.literal(",\"start_after\":");
  session.start_after = cursor.word<model::StartAfter>(model::kStartAfterWords);
  cursor.literal("}");
}

void read_profile(Cursor& cursor, model::Profile& profile) {
  cursor.literal("{\"credential\":");
  read_credentials(cursor, profile.credentials);
  cursor.literal(",\"profile\":");
  profile.name = cursor.string();
  cursor.literal(",\"purpose\":{\"statement\":");
  profile.purpose.statement = cursor.string();
  cursor.literal(",\"use\":");
  profile.purpose.use = cursor.word<model::Use>(model::kUseWords);
  cursor.literal("},\"repository\":");
  read_repositories(cursor, profile.repositories);
  cursor.literal(",\"session\":");
  read_session(cursor, profile.session);
  cursor.literal(",\"summary\":");
  profile.summary = cursor.string();
  cursor.literal(",\"toolchain\":{\"root\":");
  profile.toolchain.root = cursor.string();
  cursor.literal("},\"version\":");
  profile.version = cursor.integer();
  cursor.literal("}");
}

void clear_lines(std::vector<PathEntry>& entries) {
  for (PathEntry& entry : entries)
    entry.where = {};
}

/// Strictly ascending, as to_canonical's caller has sorted them.
bool is_sorted(const model::Profile& profile) {
  const auto ascending = [](const auto& list, auto key) {
    for (size_t i = 1; i < list.size(); ++i) {
      if (!(key(list[i - 1]) < key(list[i]))) return false;
    }
    return true;
  };
  const auto name = [](const auto& item) -> const std::string& { return item.name; };
  const auto path = [](const PathEntry& entry) -> const RelPath& { return entry.path; };
  for (const model::Repository& repository : profile.repositories) {
    if (!ascending(repository.read, path) || !ascending(repository.write, path) ||
        !ascending(repository.never, path)) {
      return false;
    }
  }
  return ascending(profile.repositories, name) && ascending(profile.credentials, name);
}

}  // namespace

std::string to_canonical(const model::Profile& profile) {
  std::string out = "{\"credential\":[";
  for (const model::Credential& credential : profile.credentials) {
    if (&credential != profile.credentials.data()) out += ',';
    out += "{\"audience\":" + json_string(credential.audience) + ",\"kind\":" +
           json_string(model::word_of(model::kCredentialKindWords, credential.kind)) +
           ",\"name\":" + json_string(credential.name) +
           ",\"ttl\":" + std::to_string(credential.ttl_s) + "}";
  }
  out += "],\"profile\":" + json_string(profile.name) +
         ",\"purpose\":{\"statement\":" + json_string(profile.purpose.statement) +
         ",\"use\":" + json_string(model::word_of(model::kUseWords, profile.purpose.use)) +
         "},\"repository\":[";
  for (const model::Repository& repository : profile.repositories) {
    if (&repository != profile.repositories.data()) out += ',';
    out += "{\"history\":" + json_string(model::word_of(model::kHistoryWords, repository.history)) +
           ",\"name\":" + json_string(repository.name) +
           ",\"never\":" + json_paths(repository.never) +
           ",\"read\":" + json_paths(repository.read) + ",\"ref\":" + json_string(repository.ref) +
           ",\"source\":" + json_string(repository.source) +
           ",\"write\":" + json_paths(repository.write) + "}";
  }
  const model::SessionRules& session = profile.session;
  out += "],\"session\":{\"assurance\":" +
         json_string(model::word_of(model::kAssuranceWords, session.assurance)) +
         ",\"keystrokes\":" +
         json_string(model::word_of(model::kKeystrokesWords, session.keystrokes)) +
         ",\"max_duration\":" + std::to_string(session.max_duration_s) + ",\"on_record_failure\":" +
         json_string(model::word_of(model::kOnRecordFailureWords, session.on_record_failure)) +
         ",\"start_after\":" +
         json_string(model::word_of(model::kStartAfterWords, session.start_after)) +
         "},\"summary\":" + json_string(profile.summary) +
         ",\"toolchain\":{\"root\":" + json_string(profile.toolchain.root) +
         "},\"version\":" + std::to_string(profile.version) + "}";
  return out;
}

Result<model::Profile> parse_canonical(std::string_view bytes) {
  if (bytes.size() > kMaxCanonicalBytes) return Error{"canonical profile is too large"};
  model::Profile profile;
  Cursor cursor(bytes);
  read_profile(cursor, profile);
  if (!cursor.at_end() || !is_sorted(profile) || to_canonical(profile) != bytes) {
    return Error{"canonical profile is malformed"};
  }
  Problems problems;
  check_all(profile, problems);
  if (!problems.empty()) return problems.to_error("canonical profile");
  return profile;
}

model::Profile without_lines(model::Profile profile) {
  profile.session.max_duration_line = {};
  for (model::Repository& repository : profile.repositories) {
    repository.where = {};
    clear_lines(repository.read);
    clear_lines(repository.write);
    clear_lines(repository.never);
  }
  for (model::Credential& credential : profile.credentials)
    credential.where = {};
  return profile;
}

}  // namespace carrel::parse
