#pragma once
// The store that secrets.toml named when the program began, and the way to it.

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/service/secret_store/settings.h"
#include "broker/service/secret_store/store.h"
#include "broker/service/secret_store/web.h"
#include "broker/service/secrets/sources.h"
#include "profiles/base/result.h"

namespace carrel::secrets {

class StoreClient {
 public:
  using Log = std::function<void(const std::string& line)>;

  /// Before the process confines itself (secret_store/web.h). `sources` outlive it.
  static Result<std::unique_ptr<StoreClient>> open(const secret_store::Settings& settings,
                                                   const Sources& sources, Log log);

  /// A question; its answer is one of take_answers(), in any order. An Error where the settings
  /// name another store by now, for which this process is not the one.
  Status ask(uint64_t id, const Found& found);
  std::vector<secret_store::Store::Answer> take_answers() { return store_.take_answers(); }
  /// Waits for `others` (revents are set) or for the store, and goes on with what is under way.
  Status wait(std::vector<pollfd>* others);
  /// Gives the token back: at most a second and a half.
  void end();

 private:
  StoreClient(const secret_store::Settings& settings, std::unique_ptr<secret_store::Web> web,
              const Sources& sources, Log log);
  void take_finished();
  secret_store::Settings settings_;
  std::unique_ptr<secret_store::Web> web_;
  secret_store::Store store_;
};

}  // namespace carrel::secrets
