#include "launcher/gateway/anomaly/requests.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace carrel::gateway::anomaly {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct Periods {
  double mean = 0, deviation = 0;
};

Periods periods_of(const std::deque<uint64_t>& times) {
  const auto count = static_cast<double>(times.size() - 1);
  Periods out;
  out.mean = static_cast<double>(times.back() - times.front()) / count;
  double squares = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const double off = static_cast<double>(times[i] - times[i - 1]) - out.mean;
    squares += off * off;
  }
  out.deviation = std::sqrt(squares / count);
  return out;
}

}  // namespace

std::optional<Flag> Beacon::add(uint64_t now_ns) {
  if (!times_.empty() && now_ns < times_.back()) times_.clear();
  times_.push_back(now_ns);
  if (times_.size() > kRequests) times_.pop_front();
  if (times_.size() < kRequests) return std::nullopt;
  const Periods periods = periods_of(times_);
  if (periods.mean < static_cast<double>(kLeastNs)) return std::nullopt;
  if (periods.deviation >= kUneven * periods.mean) return std::nullopt;
  times_.clear();
  return Flag{"beacon", std::to_string(kRequests) + " requests, one every " +
                            seconds(periods.mean) + ": these periods differ by " +
                            decimal(100 * periods.deviation / periods.mean) + " %"};
}

std::optional<Flag> Scan::add(std::string_view target, uint64_t now_ns) {
  if (since(now_ns, began_ns_) >= kTenMinutesNs) seen_.clear();
  if (seen_.empty()) began_ns_ = now_ns;
  seen_.insert(std::hash<std::string_view>()(target));
  if (seen_.size() <= kMost) return std::nullopt;
  Flag flag{"scan", std::to_string(seen_.size()) + " different paths were answered 404 within " +
                        seconds(static_cast<double>(since(now_ns, began_ns_))) + ", the last " +
                        clipped(target)};
  seen_.clear();
  return flag;
}

std::optional<Flag> Targets::add(uint64_t bytes, uint64_t now_ns) {
  if (requests_ == 0 || since(now_ns, began_ns_) >= kMinuteNs) {
    began_ns_ = now_ns;
    bytes_ = requests_ = 0;
  }
  ++requests_;
  bytes_ = bytes > UINT64_MAX - bytes_ ? UINT64_MAX : bytes_ + bytes;
  if (bytes_ <= kMost) return std::nullopt;
  Flag flag{"targets", amount(static_cast<double>(bytes_)) + " of paths and queries in " +
                           std::to_string(requests_) + (requests_ == 1 ? " request" : " requests") +
                           " within " + seconds(static_cast<double>(since(now_ns, began_ns_)))};
  requests_ = 0;
  return flag;
}

void QueryValues::count(std::string_view value) {
  constexpr int kBase = 16;
  for (size_t i = 0; i < value.size(); ++i) {
    auto byte = static_cast<unsigned char>(value[i]);
    const bool escape =
        byte == '%' && i + 2 < value.size() && digit(value[i + 1]) >= 0 && digit(value[i + 2]) >= 0;
    if (escape) {
      byte = static_cast<unsigned char>(kBase * digit(value[i + 1]) + digit(value[i + 2]));
      i += 2;
    }
    ++counts_[byte];
    ++bytes_;
  }
}

double QueryValues::bits() const {
  double out = 0;
  for (const uint64_t each : counts_) {
    if (each == 0) continue;
    const double share = static_cast<double>(each) / static_cast<double>(bytes_);
    out -= share * std::log2(share);
  }
  return out;
}

std::optional<Flag> QueryValues::add(std::string_view query, uint64_t now_ns) {
  constexpr size_t kLongKey = 32;  // what is said by a key is said
  if (bytes_ == 0 || since(now_ns, began_ns_) >= kTenMinutesNs) {
    began_ns_ = now_ns;
    bytes_ = 0;
    counts_.fill(0);
  }
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    const size_t equals = pair.find('=');
    const bool only_key = equals == std::string_view::npos;
    if (only_key || equals > kLongKey) count(pair.substr(0, equals));
    if (!only_key) count(pair.substr(equals + 1));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  if (bytes_ < kLeast || bits() <= kBits) return std::nullopt;
  Flag flag{"query", amount(static_cast<double>(bytes_)) + " in the values of queries within " +
                         seconds(static_cast<double>(since(now_ns, began_ns_))) + ", " +
                         decimal(bits()) +
                         " bits in each byte: more than words and numbers have, as packed or "
                         "encrypted data does"};
  bytes_ = 0;
  return flag;
}

}  // namespace carrel::gateway::anomaly
