#pragma once
// HTTPS to one place (libcurl): TLS 1.2 or newer, its certificate checked against the admin's CA
// alone, no redirect, no proxy, bounded answers. One thread; nothing blocks but wait().

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/service/secret_store/names.h"
#include "broker/service/secret_store/protocol.h"
#include "broker/service/secret_store/settings.h"
#include "broker/service/secret_store/store.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::secret_store {

/// Largest body of an answer that is taken.
inline constexpr size_t kMaxResponse = size_t{1} << 20;

class Web : public Network {
 public:
  struct Finished {
    uint64_t number = 0;
    Result<Response> response;
  };
  /// The certificates (PEM) that are trusted, read for each request.
  using Trust = std::function<Result<Secret>()>;

  /// Before the process confines itself: reads what the libraries and names.h need of the host.
  static Result<std::unique_ptr<Web>> open(const Settings& settings, Trust trust);
  ~Web() override;
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;

  void call(uint64_t number, Request request, uint64_t timeout_ms) override;
  void cancel(uint64_t number) override;

  /// Waits for the network, for `others` (revents are set) or at most `timeout_ms` (-1: for ever),
  /// and does what can be done.
  Status wait(std::vector<pollfd>* others, int timeout_ms);
  std::vector<Finished> take_finished() { return std::exchange(finished_, {}); }

 private:
  struct Call;
  struct Library;
  Web(const Settings& settings, Trust trust);
  void begin_found();
  void begin(Names::Found found);
  void collect();
  void finish(uint64_t number, Result<Response> response);

  std::string host_;
  uint16_t port_;
  std::string name_space_;
  Trust trust_;
  std::unique_ptr<Names> names_;
  std::unique_ptr<Library> library_;
  std::map<uint64_t, std::unique_ptr<Call>> calls_;
  std::vector<Finished> finished_;
};

}  // namespace carrel::secret_store
