#include "broker/service/secret_store/names.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace carrel::secret_store {
namespace {

constexpr int kTimeoutMs = 2000;
constexpr int kTries = 2;
constexpr size_t kMostAddresses = 8;

bool is_address(const std::string& text) {
  in6_addr room{};
  return inet_pton(AF_INET, text.c_str(), &room) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &room) == 1;
}

std::vector<std::string> texts_of(const ares_addrinfo* info) {
  std::vector<std::string> texts;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    const char* made = nullptr;
    if (node->ai_family == AF_INET) {
      std::memcpy(&v4, node->ai_addr, sizeof v4);
      made = inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    } else if (node->ai_family == AF_INET6) {
      std::memcpy(&v6, node->ai_addr, sizeof v6);
      made = inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    if (made != nullptr && texts.size() < kMostAddresses) texts.emplace_back(made);
  }
  return texts;
}

/// `lookups`: "f" the hosts file, "b" name servers.
Result<ares_channel> make_channel(const char* lookups) {
  ares_options options{};
  std::string words = lookups;
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_IGNTC;  // no TCP
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.lookups = words.data();
  ares_channel channel = nullptr;
  const int status = ares_init_options(
      &channel, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
  if (status == ARES_SUCCESS) return channel;
  return Error{std::string("c-ares cannot begin: ") + ares_strerror(status)};
}

void look_up(ares_channel channel, const std::string& host, ares_addrinfo_callback take,
             void* argument) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(channel, host.c_str(), nullptr, &hints, take, argument);
}

void take_at_once(void* texts, int status, int /*timeouts*/, ares_addrinfo* info) {
  if (status == ARES_SUCCESS && info != nullptr) {
    *static_cast<std::vector<std::string>*>(texts) = texts_of(info);
  }
  if (info != nullptr) ares_freeaddrinfo(info);
}

}  // namespace

struct Names::Question {
  Names& names;
  uint64_t number;
};

Result<std::unique_ptr<Names>> Names::open(const std::string& host) {
  std::unique_ptr<Names> names(new Names(host));
  if (is_address(host)) {
    names->fixed_ = {host};
    return names;
  }
  ASSIGN_OR_RETURN(const ares_channel file, make_channel("f"));
  look_up(file, host, take_at_once, &names->fixed_);
  ares_destroy(file);
  if (!names->fixed_.empty()) return names;
  ASSIGN_OR_RETURN(names->channel_, make_channel("b"));
  return names;
}

Names::~Names() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

void Names::ask(uint64_t number) {
  if (!fixed_.empty()) {
    found_.push_back({number, fixed_});
    return;
  }
  look_up(channel_, host_, take, new Question{*this, number});
}

void Names::take(void* question, int status, int /*timeouts*/, ares_addrinfo* info) {
  const std::unique_ptr<Question> asked(static_cast<Question*>(question));
  std::vector<std::string> texts;
  if (status == ARES_SUCCESS && info != nullptr) texts = texts_of(info);
  if (info != nullptr) ares_freeaddrinfo(info);
  Names& names = asked->names;
  if (!texts.empty()) {
    names.found_.push_back({asked->number, std::move(texts)});
    return;
  }
  const std::string why = status == ARES_SUCCESS ? "no address" : ares_strerror(status);
  names.found_.push_back(
      {asked->number,
       Error{"the store's name " + names.host_ + " has no address (" + why + ")", EAGAIN}});
}

int Names::wait_for(std::vector<pollfd>* polls, int patience_ms) const {
  if (channel_ == nullptr) return patience_ms;
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const int bits = ares_getsock(channel_, sockets.data(), static_cast<int>(sockets.size()));
  for (size_t i = 0; i < sockets.size(); ++i) {
    const auto shift = static_cast<unsigned>(i);
    const unsigned reads = (static_cast<unsigned>(bits) >> shift) & 1U;
    const unsigned writes = (static_cast<unsigned>(bits) >> (shift + ARES_GETSOCK_MAXNUM)) & 1U;
    if (reads + writes == 0) continue;
    polls->push_back({sockets[i],
                      static_cast<short>((reads != 0 ? POLLIN : 0) | (writes != 0 ? POLLOUT : 0)),
                      0});
  }
  timeval most{patience_ms / 1000, (patience_ms % 1000) * 1000};
  timeval room{};
  const timeval* wait = ares_timeout(channel_, patience_ms < 0 ? nullptr : &most, &room);
  if (wait == nullptr) return patience_ms;
  return static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000) + 1;
}

void Names::go_on(const std::vector<pollfd>& polls) {
  if (channel_ == nullptr) return;
  for (const pollfd& each : polls) {
    ares_process_fd(channel_, (each.revents & ~POLLOUT) != 0 ? each.fd : ARES_SOCKET_BAD,
                    (each.revents & POLLOUT) != 0 ? each.fd : ARES_SOCKET_BAD);
  }
  if (polls.empty()) return;
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace carrel::secret_store
