#include "launcher/gateway/relay/queries.h"

#include <array>
#include <string_view>

namespace carrel::gateway {

bool Queries::may_ask(uint64_t now_ns) {
  if (now_ns - second_ns_ >= kSecondNs) {
    second_ns_ = now_ns;
    in_second_ = 0;
  }
  return ++in_second_ <= kASecond;
}

std::optional<events::DnsQuery> Queries::add(events::DnsQuery query, uint64_t now_ns) {
  if (again_.empty()) minute_ns_ = now_ns;
  std::pair<std::string, std::string> key{query.name, query.type + query.reason};
  if (again_.size() >= kMostKept && !again_.contains(key)) key = {"", query.reason};
  const auto [place, fresh] = again_.try_emplace(key, query);
  if (!fresh) {
    ++place->second.count;
    return std::nullopt;
  }
  place->second.count = 0;
  query.count = 1;
  return query;
}

std::vector<events::DnsQuery> Queries::tick(uint64_t now_ns) {
  std::vector<events::DnsQuery> out;
  if (again_.empty() || now_ns - minute_ns_ < kMinuteNs) return out;
  for (auto& [key, query] : again_) {
    if (query.count > 0) out.push_back(std::move(query));
  }
  again_.clear();
  return out;
}

std::string type_text(uint16_t type) {
  struct Row {
    uint16_t number;
    std::string_view name;
  };
  static constexpr std::array kRows = {
      Row{1, "A"},     Row{2, "NS"},      Row{5, "CNAME"}, Row{6, "SOA"},    Row{12, "PTR"},
      Row{15, "MX"},   Row{16, "TXT"},    Row{28, "AAAA"}, Row{33, "SRV"},   Row{35, "NAPTR"},
      Row{43, "DS"},   Row{48, "DNSKEY"}, Row{64, "SVCB"}, Row{65, "HTTPS"}, Row{252, "AXFR"},
      Row{255, "ANY"}, Row{257, "CAA"}};
  for (const Row& row : kRows) {
    if (row.number == type) return std::string(row.name);
  }
  return "TYPE" + std::to_string(type);
}

}  // namespace carrel::gateway
