#include "broker/programs/broker_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "profiles/base/secret.h"
#include "profiles/base/text.h"
#include "profiles/base/wipe.h"

namespace carrel::programs {
namespace {

using monitor::Reply;
using protocol::Connection;
using protocol::Message;
using protocol::Type;

constexpr size_t kMaxClients = 256;
constexpr size_t kMaxClientsOfOne = 16;  // so that nobody alone keeps all others out
constexpr uint64_t kIdleMs = 30'000;
constexpr uint64_t kLastWordsMs = 20'000;
// A client that does not read its answers; one frame of the largest size always fits.
constexpr size_t kMaxQueued = size_t{4} << 20;

uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

Status queue_reply(Connection& to, const Reply& reply) {
  std::vector<int> fds;
  for (const UniqueFd& fd : reply.fds)
    fds.push_back(fd.get());
  if (to.queued_bytes() > kMaxQueued) return Error{"peer does not read its answers", ENOBUFS};
  return to.queue(reply.type, reply.body, fds);
}

/// What a library throws ends the connection that caused it, here and nowhere else.
template <typename Serve>
auto at_boundary(Serve serve) -> decltype(serve()) {
  try {
    return serve();
  } catch (const std::exception& thrown) {
    return Error{std::string("exception: ") + thrown.what()};
  }
}

/// A peer that has closed already is told nothing; what it sent before still counts.
Status unless_peer_closed(Status status) {
  if (status.ok() || status.error().sys_errno == EPIPE) return Done{};
  return status;
}

Error gone() {
  return Error{
      "carrel-secrets does not run, which reads the admin's secrets: it is started again, try "
      "again"};
}

bool is_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return poll(&wait, 1, 0) > 0;
}

pollfd interest(const Connection& connection) {
  return {connection.fd(), static_cast<short>(POLLIN | (connection.wants_write() ? POLLOUT : 0)),
          0};
}

}  // namespace

Status BrokerLoop::run() {
  chore_due_ms_ = now_ms() + chore_.every_ms;
  while (launcher_.valid() || !sessions_.empty()) {
    if (!launcher_.valid() && now_ms() >= give_up_ms_) break;
    ASSIGN_OR_RETURN(const Ready ready, wait());
    // Sessions before clients: what a session has said is known to who asks afterwards.
    for (const std::string& session : ready.sessions)
      serve_session(session, HowMuch::kSome);
    if (ready.launcher) {
      const Status served = at_boundary([this] { return serve_launcher(); });
      if (!served.ok()) {
        log_("launcher.gone why=" + quoted(to_string(served.error())));
        launcher_.close();
        listener_.reset();
        clients_.clear();
        give_up_ms_ = now_ms() + kLastWordsMs;
        continue;
      }
    }
    if (ready.secrets) {
      const Status served = at_boundary([this] { return serve_secrets(); });
      if (!served.ok()) lose_secrets(to_string(served.error()));
    }
    ask_secrets();
    tell_sessions();
    for (Client* client : ready.clients)
      serve_client(*client);
    if (ready.listener) accept_client();
    drop_idle_clients();
    do_chore();
  }
  while (!sessions_.empty())
    drop_session(sessions_.begin()->first, "the broker ends");
  return Done{};
}

/// How long nothing is to be done unless something comes.
int BrokerLoop::patience_ms() const {
  constexpr uint64_t kLook = 1000;
  constexpr uint64_t kLong = 3'600'000;
  const bool looks = !launcher_.valid() || !clients_.empty() || monitor_.waits_for_secrets();
  const uint64_t now = now_ms();
  const uint64_t chore = chore_due_ms_ <= now ? 0 : chore_due_ms_ - now;
  return static_cast<int>(std::min(chore, looks ? kLook : kLong));
}

/// One that fails is tried again the next time.
void BrokerLoop::do_chore() {
  if (now_ms() < chore_due_ms_) return;
  const Status done = at_boundary(chore_.work);
  if (!done.ok()) log_("chore.failed why=" + quoted(to_string(done.error())));
  chore_due_ms_ = now_ms() + chore_.every_ms;
}

Result<BrokerLoop::Ready> BrokerLoop::wait() {
  std::vector<pollfd> polls;
  const bool take_more = clients_.size() < kMaxClients;
  polls.push_back({take_more ? listener_.get() : -1, POLLIN, 0});
  polls.push_back(interest(launcher_));
  polls.push_back(interest(secrets_));
  std::vector<std::string> sessions;
  for (const auto& [session, connection] : sessions_) {
    sessions.push_back(session);
    polls.push_back(interest(connection));
  }
  std::vector<Client*> clients;
  for (Client& client : clients_) {
    clients.push_back(&client);
    polls.push_back(interest(client.connection));
  }
  constexpr size_t kFixed = 3;
  if (poll(polls.data(), polls.size(), patience_ms()) < 0) {
    if (errno == EINTR) return Ready{};
    return errno_error("poll");
  }
  Ready ready;
  ready.listener = polls[0].revents != 0;
  ready.launcher = polls[1].revents != 0;
  ready.secrets = polls[2].revents != 0;
  for (size_t i = 0; i < sessions.size(); ++i) {
    if (polls[kFixed + i].revents != 0) ready.sessions.push_back(sessions[i]);
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    if (polls[kFixed + sessions.size() + i].revents != 0) ready.clients.push_back(clients[i]);
  }
  return ready;
}

// ---- launcher ----------------------------------------------------------------------------------

Status BrokerLoop::serve_launcher() {
  RETURN_IF_ERROR(launcher_.flush());
  ASSIGN_OR_RETURN(const bool open, launcher_.fill());
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Message> message, launcher_.next());
    if (!message.has_value()) break;
    RETURN_IF_ERROR(take_launcher_message(std::move(*message)));
  }
  if (!open) return Error{"closed"};
  return Done{};
}

Status BrokerLoop::take_launcher_message(Message message) {
  if (message.type == Type::kSecretsChannel) return take_secrets_channel(std::move(message));
  if (message.type == Type::kSessionGone) {
    // Its last words may still lie in the channel: they count.
    const auto gone = protocol::parse_message<protocol::SessionGone>(message);
    if (gone.ok() && sessions_.contains(gone.value().session())) {
      serve_session(gone.value().session(), HowMuch::kAll);
    }
  }
  monitor::Monitor::LauncherAnswer answer = monitor_.answer_launcher(std::move(message));
  if (!answer.started.empty()) sessions_[answer.started] = Connection(std::move(answer.channel));
  return queue_reply(launcher_, answer.reply);
}

// ---- sessions ----------------------------------------------------------------------------------

void BrokerLoop::serve_session(const std::string& session, HowMuch how_much) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  const auto served =
      at_boundary([&] { return take_from_session(session, found->second, how_much); });
  if (!served.ok()) {
    const std::string why = to_string(served.error());
    (void)queue_reply(found->second, monitor::failure(123, why)).ok();
    drop_session(session, why);
  } else if (!served.value()) {
    drop_session(session, "channel closed");
  }
}

/// False when the supervisor has closed its end and all it sent is taken.
Result<bool> BrokerLoop::take_from_session(const std::string& session, Connection& connection,
                                           HowMuch how_much) {
  RETURN_IF_ERROR(unless_peer_closed(connection.flush()));
  bool open = true;
  do {
    ASSIGN_OR_RETURN(open, connection.fill());
    RETURN_IF_ERROR(take_messages(session, connection));
  } while (how_much == HowMuch::kAll && open && is_readable(connection.fd()));
  return open;
}

Status BrokerLoop::take_messages(const std::string& session, Connection& connection) {
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Message> message, connection.next());
    if (!message.has_value()) return Done{};
    ASSIGN_OR_RETURN(const std::vector<Reply> replies,
                     monitor_.take_from_session(session, *message));
    for (const Reply& reply : replies)
      RETURN_IF_ERROR(unless_peer_closed(queue_reply(connection, reply)));
  }
}

void BrokerLoop::drop_session(const std::string& session, const std::string& why) {
  sessions_.erase(session);
  monitor_.end_session(session, why);
}

/// One that cannot be told has a supervisor that does not read: it loses its session.
void BrokerLoop::tell_sessions() {
  for (monitor::Monitor::Told& told : monitor_.take_told()) {
    const auto found = sessions_.find(told.session);
    if (found == sessions_.end()) continue;
    // No descriptor waits here: whoever asked sees the end of their stream, and asks again.
    if (!told.message.fds.empty() && found->second.wants_write()) continue;
    const Status sent = unless_peer_closed(queue_reply(found->second, told.message));
    wipe(told.message.body);  // it may hold a secret
    if (!sent.ok()) drop_session(told.session, to_string(sent.error()));
  }
}

// ---- secrets -----------------------------------------------------------------------------------

Status BrokerLoop::serve_secrets() {
  RETURN_IF_ERROR(secrets_.flush());
  ASSIGN_OR_RETURN(const bool open, secrets_.fill());
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Message> message, secrets_.next());
    if (!message.has_value()) break;
    if (message->type != Type::kSecretReply) return Error{"an answer of no known type", EPROTO};
    ASSIGN_OR_RETURN(auto reply, protocol::parse_message<protocol::SecretReply>(*message));
    wipe(message->body);
    const bool refused = !reply.error().empty() || reply.value().empty();
    const auto value =
        refused ? Result<Secret>(Error{reply.error()}) : Result<Secret>(Secret(reply.value()));
    wipe(*reply.mutable_value());
    monitor_.take_secret(reply.id(), value);
  }
  if (!open) return Error{"closed"};
  return Done{};
}

/// Another carrel-secrets, after one that died.
Status BrokerLoop::take_secrets_channel(Message message) {
  if (message.fds.size() != 1) return Error{"a channel to secrets without its end", EPROTO};
  if (secrets_.valid()) lose_secrets("another one is there");
  monitor_.refuse_secrets(gone(), true);
  secrets_ = Connection(std::move(message.fds[0]));
  log_("secrets.back");
  return queue_reply(launcher_, Reply{Type::kAck, "", {}});
}

/// Leases that are held go on until their end; there are no new ones until the launcher has started
/// another.
void BrokerLoop::lose_secrets(const std::string& why) {
  log_("secrets.gone why=" + quoted(why));
  secrets_.close();
}

void BrokerLoop::ask_secrets() {
  for (const protocol::SecretRequest& request : monitor_.take_asked()) {
    if (!secrets_.valid()) break;
    const Status asked = protocol::queue_message(secrets_, Type::kSecretRequest, request);
    if (!asked.ok()) lose_secrets(to_string(asked.error()));
  }
  if (secrets_.valid()) {
    monitor_.refuse_secrets(Error{"the source of secrets does not answer", ETIMEDOUT}, false);
  } else if (monitor_.waits_for_secrets()) {
    monitor_.refuse_secrets(gone(), true);
  }
}

// ---- clients -----------------------------------------------------------------------------------

bool BrokerLoop::has_many(uid_t uid) const {
  const auto own = std::count_if(clients_.begin(), clients_.end(),
                                 [uid](const Client& each) { return each.uid == uid; });
  return static_cast<size_t>(own) >= kMaxClientsOfOne;
}

void BrokerLoop::accept_client() {
  UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.valid()) {
    // Out of descriptors, most likely: the connection stays and would wake the loop at once.
    const timespec breath{0, 10'000'000};
    if (errno == EMFILE || errno == ENFILE) nanosleep(&breath, nullptr);
    return;
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (caller_.has_value()) {
    if (peer.uid != 0) return;  // somebody whom this user namespace has no number for
    peer.uid = *caller_;
  }
  if (is_service_ && peer.uid != 0 && has_many(peer.uid)) {
    // Whoever does not listen any more needs no answer.
    Connection connection(std::move(socket));
    (void)queue_reply(connection, monitor::failure(1, "too many connections of yours are open"))
        .ok();
    return;
  }
  clients_.push_back(Client{Connection(std::move(socket)), peer.uid, now_ms()});
}

void BrokerLoop::serve_client(Client& client) {
  const auto served = at_boundary([&] { return take_from_client(client); });
  if (served.ok() && served.value()) return;
  const bool noted = !is_service_ || client.uid == 0 ||
                     (!served.ok() && log_budget_.take(client.uid, now_ms() * 1'000'000).write);
  if (!served.ok() && noted) {
    log_("client.dropped uid=" + std::to_string(client.uid) +
         " why=" + quoted(to_string(served.error())));
  }
  clients_.remove_if([&client](const Client& each) { return &each == &client; });
}

Result<bool> BrokerLoop::take_from_client(Client& client) {
  RETURN_IF_ERROR(client.connection.flush());
  ASSIGN_OR_RETURN(const bool open, client.connection.fill());
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Message> message, client.connection.next());
    if (!message.has_value()) break;
    client.idle_since_ms = now_ms();
    const Reply reply = monitor_.answer_client(client.uid, std::move(*message));
    tell_sessions();
    RETURN_IF_ERROR(queue_reply(client.connection, reply));
  }
  return open;
}

void BrokerLoop::drop_idle_clients() {
  const uint64_t now = now_ms();
  clients_.remove_if([now](const Client& client) { return now - client.idle_since_ms >= kIdleMs; });
}

}  // namespace carrel::programs
