#include "broker/service/monitor/secret_desk.h"

#include <utility>

namespace carrel::monitor {

void SecretDesk::ask(Asker asker, const std::string& from, uint64_t now_ns) {
  protocol::SecretRequest request;
  request.set_id(++last_id_);
  request.set_from(from);
  asked_.push_back(std::move(request));
  out_[last_id_] = Out{std::move(asker), now_ns};
}

std::vector<protocol::SecretRequest> SecretDesk::take_asked() {
  return std::exchange(asked_, {});
}

std::optional<SecretDesk::Asker> SecretDesk::answered(uint64_t id) {
  const auto found = out_.find(id);
  if (found == out_.end()) return std::nullopt;
  Asker asker = std::move(found->second.asker);
  out_.erase(found);
  return asker;
}

void SecretDesk::forget(std::string_view session) {
  std::erase_if(out_, [session](const auto& each) { return each.second.asker.session == session; });
}

std::vector<uint64_t> SecretDesk::overdue(uint64_t now_ns, bool all) const {
  std::vector<uint64_t> ids;
  for (const auto& [id, out] : out_) {
    if (all || now_ns > out.since_ns + kSecretPatienceNs) ids.push_back(id);
  }
  return ids;
}

}  // namespace carrel::monitor
