#pragma once
// One name's addresses, of the host's hosts file or its name servers (c-ares), for a process that
// can open neither file any more. One thread; nothing blocks.

#include <poll.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "profiles/base/result.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace carrel::secret_store {

class Names {
 public:
  struct Found {
    uint64_t number = 0;
    Result<std::vector<std::string>> addresses;  // as text, v6 without brackets; at least one
  };

  /// Reads /etc/resolv.conf and what /etc/hosts says of `host`, once: what changes there later
  /// counts for the next process. An address in its place is its own only address.
  static Result<std::unique_ptr<Names>> open(const std::string& host);
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  /// Ends in one Found of this number.
  void ask(uint64_t number);
  std::vector<Found> take_found() { return std::exchange(found_, {}); }
  /// What has to be waited for while a question is out: `polls` gets what to poll, and the answer
  /// is for how long at most, at most `patience_ms`.
  int wait_for(std::vector<pollfd>* polls, int patience_ms) const;
  /// After that wait.
  void go_on(const std::vector<pollfd>& polls);

 private:
  explicit Names(std::string host) : host_(std::move(host)) {}
  struct Question;
  static void take(void* question, int status, int timeouts, ares_addrinfo* info);

  std::string host_;
  ares_channeldata* channel_ = nullptr;
  std::vector<std::string> fixed_;
  std::vector<Found> found_;
};

}  // namespace carrel::secret_store
