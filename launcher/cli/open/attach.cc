#include "launcher/cli/open/attach.h"

#include <unistd.h>

#include <cstdlib>

#include "launcher/watch/terminal/raw_mode.h"

namespace carrel::open {

std::string passed_value(const char* name) {
  const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  if (value == nullptr) return "";
  std::string text(value);
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+@";
  if (text.size() > 64 || text.find_first_not_of(kAllowed) != std::string::npos) return "";
  return text;
}

Result<Way> attach_to(client::BrokerClient& broker, const std::string& session,
                      const std::vector<std::string>& command, bool tty, int* code) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  const terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
  protocol::AttachRequest request;
  request.set_session(session);
  for (const std::string& word : command)
    request.add_command(word);
  request.set_tty(tty);
  request.set_columns(size.columns);
  request.set_rows(size.rows);
  request.set_term(passed_value("TERM"));
  request.set_lang(passed_value("LANG"));
  const auto reply = broker.attach(request, theirs.get());
  if (!reply.ok()) {
    if (broker.refused()) *code = broker.refusal().code;
    return reply.error();
  }
  return Way{protocol::Connection(), protocol::Connection(std::move(ours)), true};
}

}  // namespace carrel::open
