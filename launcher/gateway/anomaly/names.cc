#include "launcher/gateway/anomaly/names.h"

#include <algorithm>
#include <array>
#include <functional>

namespace carrel::gateway::anomaly {
namespace {

/// Where the last `count` labels begin; 0 where there are no more.
size_t last_labels(std::string_view name, int count) {
  size_t at = name.size();
  for (int i = 0; i < count; ++i) {
    if (at == 0) return 0;
    at = name.rfind('.', at - 1);
    if (at == std::string_view::npos) return 0;
  }
  return at + 1;
}

/// Whether names are given to people below this, as below "co.uk".
bool is_registry(std::string_view suffix) {
  static constexpr std::array<std::string_view, 7> kSeconds = {"ac",  "co",  "com", "edu",
                                                               "gov", "net", "org"};
  const size_t dot = suffix.find('.');
  return dot != std::string_view::npos && suffix.size() - dot - 1 == 2 &&
         std::find(kSeconds.begin(), kSeconds.end(), suffix.substr(0, dot)) != kSeconds.end();
}

size_t hash_of(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

}  // namespace

NameParts parts_of(std::string_view name) {
  size_t at = last_labels(name, 2);
  if (is_registry(name.substr(at))) at = last_labels(name, 3);
  if (at == 0) return {"", name};
  return {name.substr(0, at - 1), name.substr(at)};
}

void DeniedNames::begin(uint64_t now_ns) {
  seen_.clear();
  under_.clear();
  labels_ = label_bytes_ = named_ = 0;
  found_long_ = false;
  began_ns_ = now_ns;
}

void DeniedNames::add_lengths(std::string_view front) {
  if (front.empty()) return;
  ++named_;
  const auto dots = static_cast<uint64_t>(std::count(front.begin(), front.end(), '.'));
  labels_ += dots + 1;
  label_bytes_ += front.size() - dots;
}

/// Whether it is the one too many.
bool DeniedNames::add_label(const NameParts& parts) {
  // Who names the addresses of a network asks for many, all below this.
  if (parts.front.empty() || parts.suffix == "in-addr.arpa" || parts.suffix == "ip6.arpa") {
    return false;
  }
  std::unordered_set<size_t>& labels = under_[std::string(parts.suffix)];
  return labels.insert(hash_of(parts.front)).second && labels.size() == kMostLabels + 1;
}

std::vector<DeniedNames::Found> DeniedNames::add(std::string_view name, uint64_t now_ns) {
  if (seen_.empty() || since(now_ns, began_ns_) >= kMinuteNs) begin(now_ns);
  if (seen_.size() >= kMostKept || !seen_.insert(hash_of(name)).second) return {};
  const std::string within =
      " within " + seconds(static_cast<double>(since(now_ns, began_ns_))) + ", the last ";
  std::vector<Found> out;
  if (seen_.size() == kMostNames + 1) {
    out.push_back(
        {{"names", std::to_string(seen_.size()) +
                       " different names that no rule has were asked for" + within + clipped(name)},
         ""});
  }
  const NameParts parts = parts_of(name);
  if (add_label(parts)) {
    out.push_back({{"suffix", std::to_string(kMostLabels + 1) +
                                  " different names under this one, which no rule has, were asked "
                                  "for" +
                                  within + clipped(name)},
                   std::string(parts.suffix)});
  }
  add_lengths(parts.front);
  const double mean =
      labels_ == 0 ? 0 : static_cast<double>(label_bytes_) / static_cast<double>(labels_);
  if (!found_long_ && named_ >= kEnough && mean > kLong) {
    found_long_ = true;
    out.push_back(
        {{"labels", std::to_string(named_) + " names that no rule has, the labels of which are " +
                        decimal(mean) + " characters long in the mean, were asked for" + within +
                        clipped(name)},
         ""});
  }
  return out;
}

}  // namespace carrel::gateway::anomaly
