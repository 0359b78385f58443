#include "broker/service/secrets/serve.h"

#include <optional>

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/text.h"
#include "profiles/base/wipe.h"

namespace carrel::secrets {
namespace {

using protocol::Message;
using protocol::Type;

constexpr size_t kMaxLogged = 80;

Status answer(protocol::Connection& broker, const protocol::SecretRequest& request,
              const Sources& sources, const Log& log) {
  protocol::SecretReply reply;
  reply.set_id(request.id());
  const Result<Secret> value = sources.value_of(request.from());
  const std::string what = " from=" + quoted(request.from().substr(0, kMaxLogged));
  if (value.ok()) {
    reply.set_value(std::string(value.value().expose()));
    log("given" + what);
  } else {
    reply.set_error(to_string(value.error()));
    log("refused" + what + " why=" + quoted(reply.error()));
  }
  std::string body = reply.SerializeAsString();
  const Status sent = broker.send(Type::kSecretReply, body);
  wipe(body);
  wipe(*reply.mutable_value());
  return sent;
}

}  // namespace

Status serve(protocol::Connection& broker, const Sources& sources, const Log& log) {
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Message> message, broker.receive());
    if (!message.has_value()) return Done{};
    if (message->type != Type::kSecretRequest || !message->fds.empty()) {
      return Error{"the broker asks for something else than a secret"};
    }
    ASSIGN_OR_RETURN(const auto request,
                     protocol::parse_message<protocol::SecretRequest>(*message));
    RETURN_IF_ERROR(answer(broker, request, sources, log));
  }
}

}  // namespace carrel::secrets
