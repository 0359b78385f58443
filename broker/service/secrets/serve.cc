#include "broker/service/secrets/serve.h"

#include <poll.h>

#include <cerrno>
#include <map>
#include <optional>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/text.h"
#include "profiles/base/wipe.h"

namespace carrel::secrets {
namespace {

using protocol::Message;
using protocol::Type;

constexpr size_t kMaxLogged = 80;

class Server {
 public:
  Server(protocol::Connection& broker, const Sources& sources, StoreClient* store,
         const std::string& no_store, const Log& log)
      : broker_(broker), sources_(sources), store_(store), no_store_(no_store), log_(log) {}

  Status run();

 private:
  Status wait();
  Status take(const Message& message);
  Status ask_store(uint64_t id, const std::string& from, const Found& found);
  Status answer(uint64_t id, const std::string& from, const Result<Secret>& value,
                const std::string& more = "");
  Status pass_on();

  protocol::Connection& broker_;
  const Sources& sources_;
  StoreClient* store_;
  const std::string& no_store_;
  const Log& log_;
  std::map<uint64_t, std::string> asked_;  // of the store: `from` by the question's id
  bool outdated_ = false;                  // the settings name another store
};

Status Server::answer(uint64_t id, const std::string& from, const Result<Secret>& value,
                      const std::string& more) {
  protocol::SecretReply reply;
  reply.set_id(id);
  const std::string what = " from=" + quoted(from.substr(0, kMaxLogged));
  if (value.ok()) {
    reply.set_value(std::string(value.value().expose()));
    log_("given" + what + more);
  } else {
    reply.set_error(to_string(value.error()));
    log_("refused" + what + " why=" + quoted(reply.error()));
  }
  std::string body = reply.SerializeAsString();
  const Status sent = broker_.queue(Type::kSecretReply, body);
  wipe(body);
  wipe(*reply.mutable_value());
  return sent;
}

Status Server::ask_store(uint64_t id, const std::string& from, const Found& found) {
  Status asked = Error{no_store_};
  if (store_ != nullptr) {
    asked = store_->ask(id, found);
    outdated_ = outdated_ || !asked.ok();
  } else if (no_store_.empty()) {
    asked = Error{"[store.http] was not there when carrel-secrets began"};
    outdated_ = true;
  }
  if (asked.ok()) {
    asked_[id] = from;
    return Done{};
  }
  const std::string again = outdated_ ? ": it starts anew, ask again" : "";
  return answer(id, from, Error{from + ": " + asked.error().what + again});
}

Status Server::take(const Message& message) {
  if (message.type != Type::kSecretRequest || !message.fds.empty()) {
    return Error{"the broker asks for something else than a secret"};
  }
  ASSIGN_OR_RETURN(const auto request, protocol::parse_message<protocol::SecretRequest>(message));
  Result<Found> found = sources_.find(request.from());
  if (!found.ok()) return answer(request.id(), request.from(), found.take_error());
  Found what = found.take();
  if (what.item.has_value()) return ask_store(request.id(), request.from(), what);
  return answer(request.id(), request.from(), std::move(what.value));
}

/// What the store has answered meanwhile.
Status Server::pass_on() {
  if (store_ == nullptr) return Done{};
  for (secret_store::Store::Answer& each : store_->take_answers()) {
    const std::string from = asked_[each.id];
    asked_.erase(each.id);
    if (!each.value.ok()) {
      const Error& why = each.value.error();
      RETURN_IF_ERROR(answer(each.id, from, Error{from + ": " + why.what}));
      continue;
    }
    secret_store::Value value = each.value.take();
    const std::string version = " version=" + std::to_string(value.version);
    RETURN_IF_ERROR(answer(each.id, from, std::move(value.bytes), version));
  }
  return Done{};
}

Status Server::wait() {
  const short events = static_cast<short>(POLLIN | (broker_.wants_write() ? POLLOUT : 0));
  std::vector<pollfd> polls = {{broker_.fd(), events, 0}};
  if (store_ != nullptr) return store_->wait(&polls);
  if (poll(polls.data(), polls.size(), -1) >= 0 || errno == EINTR) return Done{};
  return errno_error("poll");
}

Status Server::run() {
  while (true) {
    RETURN_IF_ERROR(wait());
    RETURN_IF_ERROR(broker_.flush());
    ASSIGN_OR_RETURN(const bool open, broker_.fill());
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<Message> message, broker_.next());
      if (!message.has_value()) break;
      RETURN_IF_ERROR(take(*message));
    }
    RETURN_IF_ERROR(pass_on());
    if (!open) return Done{};
    if (outdated_ && asked_.empty() && !broker_.wants_write()) {
      return Error{"secrets.toml names another store by now"};
    }
  }
}

}  // namespace

Status serve(protocol::Connection& broker, const Sources& sources, StoreClient* store,
             const std::string& no_store, const Log& log) {
  Server server(broker, sources, store, no_store, log);
  Status done = server.run();
  if (store != nullptr) store->end();
  return done;
}

}  // namespace carrel::secrets
