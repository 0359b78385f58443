#pragma once
// The socket that the contractor's programs may ask at. All of it is hostile: one packet is taken
// from a connection and one is given, none is waited for, few are there at once, and so many a
// second.

#include <cstdint>
#include <functional>
#include <list>
#include <string_view>
#include <vector>

#include "launcher/inside/message.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class InsidePort {
 public:
  static constexpr size_t kMostAsking = 8;
  static constexpr uint64_t kPatienceNs = 2'000'000'000;
  static constexpr uint64_t kMostASecond = 100;

  using Answering = std::function<inside::Answer(const inside::Question&)>;

  /// A listening SOCK_SEQPACKET socket, non-blocking; an invalid one: nobody can ask. Only
  /// `asker_uid` (as the host sees it) is heard.
  InsidePort(UniqueFd listener, uid_t asker_uid, Answering answering)
      : listener_(std::move(listener)), asker_uid_(asker_uid), answering_(std::move(answering)) {}

  /// Descriptors of which something is wanted (POLLIN) at this time.
  [[nodiscard]] std::vector<int> fds(uint64_t now_ns) const;
  /// Takes what has come, answers, and lets go of who says nothing. Never blocks.
  void serve(uint64_t now_ns);
  /// Nobody is heard any more.
  void close();

 private:
  struct Asker {
    UniqueFd fd;
    uint64_t until_ns = 0;
  };
  [[nodiscard]] bool takes(uint64_t now_ns) const;
  void take_askers(uint64_t now_ns);
  bool hear(Asker& asker);

  UniqueFd listener_;
  uid_t asker_uid_;
  Answering answering_;
  std::list<Asker> askers_;
  uint64_t second_ = 0;  // of the count below
  uint64_t taken_ = 0;   // in that second
};

}  // namespace carrel::session
