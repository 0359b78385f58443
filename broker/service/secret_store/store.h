#pragma once
// Answers questions for secrets out of a store: logs in, renews or logs in anew, reads, several at
// once, each with an end to its patience. Pure: the network is an interface, the time is told.

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/service/secret_store/protocol.h"
#include "broker/service/secret_store/settings.h"
#include "broker/service/secret_store/token.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::secret_store {

/// Reads that are under way at once; the rest waits its turn.
inline constexpr size_t kMaxReads = 8;
/// Questions that are open at once; one more is refused.
inline constexpr size_t kMaxQuestions = 256;

/// Carries requests. Each call ends in one Store::take() with its number, unless it is cancelled;
/// never from within call().
class Network {
 public:
  virtual ~Network() = default;
  virtual void call(uint64_t number, Request request, uint64_t timeout_ms) = 0;
  virtual void cancel(uint64_t number) = 0;
};

class Store {
 public:
  struct Tools {
    Network& network;
    std::function<Result<Secret>()> secret_id;    // asked for at each login
    std::function<void(const std::string&)> log;  // one line; never a byte of a secret
  };
  struct Answer {
    uint64_t id = 0;
    Result<Value> value;
  };

  /// `settings` say where the store is and which role asks.
  Store(Settings settings, Tools tools)
      : settings_(std::move(settings)), tools_(std::move(tools)) {}

  /// A question, answered in any order. `now` are the settings as they are at this moment, of which
  /// mount and timeout are heeded. `id` is the asker's.
  void ask(uint64_t id, const Item& item, const Settings& now, uint64_t now_ms);
  /// What came of a call.
  void take(uint64_t number, const Result<Response>& response, uint64_t now_ms);
  /// Answers what has waited for too long. To be called at wakes_at() at the latest.
  void tick(uint64_t now_ms);
  [[nodiscard]] std::optional<uint64_t> wakes_at() const;
  std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }

  /// Gives the token back, within `timeout_ms`; nobody asks any more. Done when is_quiet().
  void end(uint64_t timeout_ms);
  [[nodiscard]] bool is_quiet() const { return revoking_ == 0; }

 private:
  struct Question {
    uint64_t id = 0;
    Item item;
    Settings settings;
    uint64_t until_ms = 0;
    uint64_t call = 0;    // 0: waits
    uint64_t logins = 0;  // how many there had been when it was read
    bool denied = false;  // once already, by a token that was older than the question
  };

  void go_on(uint64_t now_ms);
  void log_in(uint64_t now_ms);
  void start_renewal(uint64_t now_ms);
  void start_reads();
  void take_auth(const Result<Response>& response, uint64_t now_ms);
  void take_read(std::list<Question>::iterator question, const Result<Response>& response);
  void drop_token();
  void refuse_waiting(const Error& why);
  [[nodiscard]] size_t reads() const;

  Settings settings_;
  Tools tools_;
  std::optional<Token> token_;
  std::list<Question> questions_;
  std::vector<Answer> answers_;
  uint64_t last_call_ = 0;
  uint64_t auth_call_ = 0;  // 0: none under way
  bool renews_ = false;     // what auth_call_ is
  uint64_t auth_asked_ms_ = 0;
  uint64_t logins_ = 0;
  uint64_t revoking_ = 0;
};

}  // namespace carrel::secret_store
