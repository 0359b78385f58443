#include "launcher/cli/channel/channel.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/cli/open/attach.h"
#include "launcher/cli/open/relay.h"
#include "launcher/watch/terminal/raw_mode.h"
#include "profiles/base/result.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::channel {
namespace {

constexpr int kSetupFailed = 123;
// plan::kChannelSocket, as the jail shows it.
constexpr std::string_view kSocket = "/run/carrel/channel";

/// Where distributions keep it; the workspace shows the same /usr as the jail.
std::string find_sftp_server() {
  for (const char* path : {"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server",
                           "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return "";
}

std::optional<std::string> original_command() {
  const char* value = getenv("SSH_ORIGINAL_COMMAND");  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<protocol::Connection> connect_to_session() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno_error("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(static_cast<char*>(address.sun_path), kSocket.data(), kSocket.size());
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_error("reach the session");
  }
  return protocol::Connection(std::move(socket));
}

protocol::AttachRequest request_of(bool tty) {
  protocol::AttachRequest request;
  for (std::string& word : command_of(original_command(), find_sftp_server()))
    request.add_command(std::move(word));
  request.set_tty(tty);
  const terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
  request.set_columns(size.columns);
  request.set_rows(size.rows);
  request.set_term(open::passed_value("TERM"));
  request.set_lang(open::passed_value("LANG"));
  return request;
}

int fail(const std::string& why) {
  fprintf(stderr, "carrel: %s\n", quoted(why).c_str());
  return kSetupFailed;
}

}  // namespace

std::vector<std::string> command_of(const std::optional<std::string>& original,
                                    const std::string& sftp_server) {
  if (!original.has_value() || original->empty()) return {};
  if (*original != "internal-sftp") return {"/bin/bash", "-c", *original};
  if (!sftp_server.empty()) return {sftp_server};
  return {"/bin/sh", "-c", "echo 'carrel: this host has no sftp-server' >&2; exit 127"};
}

int run_channel() {
  const bool tty = isatty(STDIN_FILENO) == 1;
  Result<protocol::Connection> connected = connect_to_session();
  if (!connected.ok()) return fail(to_string(connected.error()));
  protocol::Connection session = connected.take();
  const Status asked =
      protocol::send_message(session, protocol::Type::kAttachRequest, request_of(tty));
  if (!asked.ok()) return fail(to_string(asked.error()));
  protocol::Connection none;
  const Result<open::RelayResult> result = open::relay(none, session, {tty, -1, true});
  if (!result.ok()) return fail(to_string(result.error()));
  const protocol::Ended& ended = result.value().ended;
  const bool said = ended.by() == "command" || ended.by() == "person";
  if (!said || !ended.error().empty()) {
    fail("ended by " + ended.by() + (ended.error().empty() ? "" : ": " + ended.error()));
  }
  return ended.code();
}

}  // namespace carrel::channel
