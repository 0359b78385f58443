#include "launcher/gateway/relay/resolver.h"

#include <ares.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "launcher/gateway/relay/address_cache.h"
#include "launcher/gateway/relay/parts.h"

namespace carrel::gateway {
namespace {

constexpr int kTimeoutMs = 2000;
constexpr int kTries = 2;
constexpr uint64_t kTickMs = 100;
constexpr size_t kMostAddresses = 16;

std::vector<Address> addresses_of(const ares_addrinfo* info) {
  std::vector<Address> out;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (out.size() >= kMostAddresses) break;
    Address address;
    if (node->ai_family == AF_INET) {
      sockaddr_in from{};
      std::memcpy(&from, node->ai_addr, sizeof from);
      std::memcpy(address.bytes.data(), &from.sin_addr, sizeof from.sin_addr);
    } else if (node->ai_family == AF_INET6) {
      sockaddr_in6 from{};
      std::memcpy(&from, node->ai_addr, sizeof from);
      address.v6 = true;
      std::memcpy(address.bytes.data(), &from.sin6_addr, sizeof from.sin6_addr);
    } else {
      continue;
    }
    out.push_back(address);
  }
  return out;
}

/// The least of all that it was made of (RFC 2181 5.2, and each alias on the way).
uint64_t ttl_of(const ares_addrinfo* info) {
  int ttl = INT_MAX;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next)
    ttl = std::min(ttl, node->ai_ttl);
  for (const ares_addrinfo_cname* name = info->cnames; name != nullptr; name = name->next)
    ttl = std::min(ttl, name->ttl);
  return ttl < 0 ? 0 : static_cast<uint64_t>(ttl);
}

/// One question under way, of everybody who asks the same meanwhile. Shared with the library's
/// callback, which may come after everybody else has gone.
struct Asked {
  explicit Asked(Loop& loop) : done(loop) {}
  Signal done;
  std::optional<Result<std::vector<Address>>> answer;
  uint64_t ttl_s = 0;
};

void take_answer(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
  const std::unique_ptr<std::shared_ptr<Asked>> held(
      static_cast<std::shared_ptr<Asked>*>(argument));
  Asked& asked = **held;
  if (status != ARES_SUCCESS || info == nullptr) {
    asked.answer = Error{ares_strerror(status), status == ARES_ENOTFOUND ? ENOENT : EAGAIN};
  } else {
    asked.answer = addresses_of(info);
    asked.ttl_s = ttl_of(info);
  }
  if (info != nullptr) ares_freeaddrinfo(info);
  asked.done.tell();
}

}  // namespace

struct Resolver::State {
  explicit State(Loop& to) : loop(to) {}
  Loop& loop;
  ares_channel channel = nullptr;
  std::map<int, std::shared_ptr<Wait>> waits;
  std::map<std::string, std::shared_ptr<Asked>> under_way;
  AddressCache known;
  bool ticking = false;

  static void changed(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<State*>(self)->watch(fd, readable != 0, writable != 0);
  }

  /// The library closes its descriptors itself: what we wait for is a second one.
  void watch(int fd, bool readable, bool writable) {
    if (!readable && !writable) {
      const auto found = waits.find(fd);
      if (found == waits.end()) return;
      found->second->close();
      waits.erase(found);
      return;
    }
    auto place = waits.find(fd);
    if (place == waits.end()) {
      UniqueFd second(fcntl(fd, F_DUPFD_CLOEXEC, 3));
      // No descriptor is left: the question ends when its time is over.
      if (!second.valid()) return;
      place = waits.emplace(fd, std::make_shared<Wait>(loop, std::move(second))).first;
      start(loop, read(fd, place->second));
    }
    if (writable) start(loop, write_once(fd, place->second));
  }
  Task<> read(int fd, std::shared_ptr<Wait> wait) {
    while (true) {
      const bool more = co_await wait->readable();
      if (!more) co_return;
      ares_process_fd(channel, fd, ARES_SOCKET_BAD);
    }
  }
  Task<> write_once(int fd, std::shared_ptr<Wait> wait) {
    const bool more = co_await wait->writable();
    if (more) ares_process_fd(channel, ARES_SOCKET_BAD, fd);
  }
  Task<> tick() {
    while (!under_way.empty()) {
      co_await sleep_ms(kTickMs);
      ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    ticking = false;
  }
};

Resolver::Resolver(std::unique_ptr<State> state) : state_(std::move(state)) {}

Resolver::~Resolver() {
  if (state_->channel != nullptr) ares_destroy(state_->channel);
}

Result<std::unique_ptr<Resolver>> Resolver::open(Loop& loop,
                                                 const std::vector<std::string>& servers) {
  std::unique_ptr<Resolver> made(new Resolver(std::make_unique<State>(loop)));
  State& state = *made->state_;
  ares_options options{};
  char lookups[] = "b";  // servers alone
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.lookups = lookups;
  options.sock_state_cb = State::changed;
  options.sock_state_cb_data = &state;
  constexpr int kGiven = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                         ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&state.channel, &options, kGiven) != ARES_SUCCESS) {
    return Error{"c-ares cannot begin"};
  }
  std::string list;
  for (const std::string& server : servers)
    list += (list.empty() ? "" : ",") + server;
  if (list.empty() || ares_set_servers_ports_csv(state.channel, list.c_str()) != ARES_SUCCESS) {
    return Error{"no name server can be asked: \"" + list + "\""};
  }
  return made;
}

void Resolver::forget(const std::string& name) {
  state_->known.forget(name);
}

Task<Result<std::vector<Address>>> Resolver::resolve(const std::string& name) {
  State& state = *state_;
  if (const auto* known = state.known.find(name, now_ns())) co_return *known;
  const auto found = state.under_way.find(name);
  if (found != state.under_way.end()) {
    const std::shared_ptr<Asked> others = found->second;
    co_await others->done.told();
    co_return *others->answer;
  }
  const auto asked = std::make_shared<Asked>(state.loop);
  state.under_way.emplace(name, asked);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  if (!state.ticking) {
    state.ticking = true;
    start(state.loop, state.tick());
  }
  ares_getaddrinfo(state.channel, name.c_str(), nullptr, &hints, take_answer,
                   new std::shared_ptr<Asked>(asked));
  co_await asked->done.told();
  state.under_way.erase(name);
  if (asked->answer->ok()) {
    state.known.keep(name, asked->answer->value(), asked->ttl_s, now_ns());
  }
  co_return *asked->answer;
}

}  // namespace carrel::gateway
