#pragma once
// Questions for the admin's secrets that are out: who asked, since when. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::monitor {

/// How long a source of secrets may take for one answer.
inline constexpr uint64_t kSecretPatienceNs = 20'000'000'000;

class SecretDesk {
 public:
  /// Who waits for an answer: a credential of a live session.
  struct Asker {
    std::string session;
    std::string credential;
  };

  /// A new question for the secret `from` ("secret:NAME", "ca:NAME").
  void ask(Asker asker, const std::string& from, uint64_t now_ns);
  /// Questions that are to be sent now; each once.
  std::vector<protocol::SecretRequest> take_asked();
  /// Who asked the question that has been answered; nothing when nobody waits for it (any more).
  std::optional<Asker> answered(uint64_t id);
  /// Nobody of this session waits any more.
  void forget(std::string_view session);
  /// The questions that have been out for longer than the patience; with `all`, every one.
  [[nodiscard]] std::vector<uint64_t> overdue(uint64_t now_ns, bool all = false) const;
  [[nodiscard]] bool waits() const { return !out_.empty(); }

 private:
  struct Out {
    Asker asker;
    uint64_t since_ns = 0;
  };
  uint64_t last_id_ = 0;
  std::map<uint64_t, Out> out_;
  std::vector<protocol::SecretRequest> asked_;
};

}  // namespace carrel::monitor
