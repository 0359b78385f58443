#include "broker/record/evidence/policy.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "broker/record/evidence/seal.h"

namespace carrel::evidence {
namespace {

constexpr size_t kMaxPolicy = 64U << 10;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

class Parser {
 public:
  Status line(std::string_view text) {
    const auto words = words_of(text);
    if (words.empty() || words[0].starts_with('#')) return Done{};
    if (words[0] == "log") return log(words);
    if (words[0] == "witness") return witness(words);
    if (words[0] == "group") return group(words);
    if (words[0] == "quorum") return quorum(words);
    return Error{"trust policy: unknown line"};
  }
  Result<TrustPolicy> finish() {
    if (!has_quorum_) return Error{"trust policy: no quorum line"};
    if (policy_.logs.empty()) return Error{"trust policy: no log line"};
    return std::move(policy_);
  }

 private:
  Result<VerifierKey> key(std::string_view text, KeyType type) {
    ASSIGN_OR_RETURN(VerifierKey key, parse_vkey(text));
    if (key.type != type) return Error{"trust policy: key of the wrong type"};
    if (!keys_.insert(std::string(as_view(key.key))).second)
      return Error{"trust policy: a key stands twice"};
    return key;
  }
  Status name(std::string_view name) {
    if (name == "none" || !names_.insert(std::string(name)).second)
      return Error{"trust policy: a name is taken"};
    return Done{};
  }
  Status log(const std::vector<std::string_view>& words) {
    if (words.size() != 2 && words.size() != 3) return Error{"trust policy: log VKEY [URL]"};
    ASSIGN_OR_RETURN(VerifierKey log_key, key(words[1], KeyType::kEd25519));
    policy_.logs.push_back(std::move(log_key));
    return Done{};
  }
  Status witness(const std::vector<std::string_view>& words) {
    if (words.size() != 3 && words.size() != 4)
      return Error{"trust policy: witness NAME VKEY [URL]"};
    RETURN_IF_ERROR(name(words[1]));
    ASSIGN_OR_RETURN(VerifierKey witness_key, key(words[2], KeyType::kCosignature));
    policy_.witnesses.push_back({std::string(words[1]), std::move(witness_key)});
    return Done{};
  }
  Status group(const std::vector<std::string_view>& words) {
    if (words.size() < 4) return Error{"trust policy: group NAME K|any|all MEMBER…"};
    TrustPolicy::Group out;
    out.name = words[1];
    for (size_t i = 3; i < words.size(); ++i) {
      if (!names_.contains(std::string(words[i])) || !members_.insert(std::string(words[i])).second)
        return Error{"trust policy: a member is unknown or has a group already"};
      out.members.emplace_back(words[i]);
    }
    RETURN_IF_ERROR(name(words[1]));
    ASSIGN_OR_RETURN(out.threshold, threshold(words[2], out.members.size()));
    policy_.groups.push_back(std::move(out));
    return Done{};
  }
  static Result<uint32_t> threshold(std::string_view text, size_t members) {
    if (text == "any") return 1U;
    if (text == "all") return static_cast<uint32_t>(members);
    uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || text.starts_with('0') || value > members)
      return Error{"trust policy: malformed threshold"};
    return value;
  }
  Status quorum(const std::vector<std::string_view>& words) {
    if (words.size() != 2 || has_quorum_) return Error{"trust policy: one line quorum NAME|none"};
    has_quorum_ = true;
    if (words[1] == "none") return Done{};
    if (!names_.contains(std::string(words[1]))) return Error{"trust policy: unknown quorum"};
    policy_.quorum = words[1];
    return Done{};
  }

  TrustPolicy policy_;
  std::set<std::string> keys_;
  std::set<std::string> names_;
  std::set<std::string> members_;
  bool has_quorum_ = false;
};

}  // namespace

Result<TrustPolicy> parse_policy(std::string_view text) {
  if (text.size() > kMaxPolicy) return Error{"trust policy: larger than 64 KiB"};
  if (text.empty() || text.back() != '\n') return Error{"trust policy: last line does not end"};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F)
      return Error{"trust policy: control character"};
  }
  Parser parser;
  while (!text.empty()) {
    const size_t feed = text.find('\n');
    RETURN_IF_ERROR(parser.line(text.substr(0, feed)));
    text.remove_prefix(feed + 1);
  }
  return parser.finish();
}

std::string format_policy(const TrustPolicy& policy) {
  std::string out;
  for (const VerifierKey& log : policy.logs)
    out += "log " + format_vkey(log) + "\n";
  for (const auto& witness : policy.witnesses)
    out += "witness " + witness.name + " " + format_vkey(witness.key) + "\n";
  for (const auto& group : policy.groups) {
    out += "group " + group.name + " " + std::to_string(group.threshold);
    for (const std::string& member : group.members)
      out += " " + member;
    out += "\n";
  }
  return out + "quorum " + (policy.quorum.empty() ? "none" : policy.quorum) + "\n";
}

TrustPolicy broker_policy(const PublicKey& broker) {
  TrustPolicy policy;
  policy.logs.push_back(make_vkey(kBrokerKeyName, broker));
  return policy;
}

}  // namespace carrel::evidence
