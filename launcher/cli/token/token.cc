#include "launcher/cli/token/token.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "broker/wire/client/broker_client.h"
#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
#include "launcher/cli/token/arguments.h"
#include "launcher/cli/token/http_request.h"
#include "launcher/cli/token/http_serve.h"

namespace carrel::token {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kInactive = 2;
// Past every deadline of serve_http(): whatever it waits for then.
constexpr unsigned kEndS = 15;

Result<std::string> read_token(int in) {
  if (isatty(in) != 0) {
    return Error{"the token comes on standard input: carrel token introspect < FILE"};
  }
  std::string token;
  std::array<char, 4096> room{};
  while (token.size() <= kMaxToken + 2) {
    const ssize_t got = read(in, room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read standard input");
    if (got == 0) break;
    token.append(room.data(), static_cast<size_t>(got));
  }
  for (const char end : {'\n', '\r'}) {
    if (!token.empty() && token.back() == end) token.pop_back();
  }
  if (token.empty()) return Error{"there is no token on standard input"};
  if (token.size() > kMaxToken) return Error{"a token has at most 16 KiB"};
  return token;
}

/// Starts the services where they do not run: a broker that has just begun knows of no session,
/// which is an answer.
Result<std::string> ask_by_hand(const std::string& state_option, const std::string& token) {
  ASSIGN_OR_RETURN(const start::StateFolder state,
                   start::find_state(state_option, start::Create::kNo));
  ASSIGN_OR_RETURN(const std::string programs, start::programs_folder());
  ASSIGN_OR_RETURN(const UniqueFd running, start::ensure_running(state, programs));
  ASSIGN_OR_RETURN(client::BrokerClient broker, client::BrokerClient::connect(state.run.get()));
  return broker.introspect(token);
}

/// Starts nothing.
Result<std::string> ask_for_web(const std::string& state_option, const std::string& token,
                                int patience_ms) {
  ASSIGN_OR_RETURN(const start::StateFolder state,
                   start::find_state(state_option, start::Create::kNo));
  ASSIGN_OR_RETURN(client::BrokerClient broker,
                   client::BrokerClient::connect(state.run.get(), std::max(1, patience_ms)));
  return broker.introspect(token);
}

int serve(const TokenArguments& arguments, Ends ends) {
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
  alarm(kEndS);
  const auto ask = [&arguments](const std::string& token, int patience_ms) {
    return ask_for_web(arguments.state, token, patience_ms);
  };
  return serve_http(ends.in, ends.out, ends.err, ask) ? kOk : kFailed;
}

bool print(int out, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(out, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    text.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

}  // namespace

int run_token(const std::vector<std::string>& words, Ends ends) {
  const auto fail = [&ends](const std::string& text) {
    std::fprintf(ends.err, "carrel token: %s\n", text.c_str());
    return kFailed;
  };
  const auto arguments = parse_arguments(words);
  if (!arguments.ok()) {
    return fail(to_string(arguments.error()) + " (see: carrel token --help)");
  }
  if (arguments.value().help) {
    return print(ends.out, help_text()) ? kOk : fail("writing the answer failed");
  }
  if (arguments.value().http) return serve(arguments.value(), ends);
  const auto token = read_token(ends.in);
  if (!token.ok()) return fail(to_string(token.error()));
  const auto json = ask_by_hand(arguments.value().state, token.value());
  if (!json.ok()) return fail(to_string(json.error()));
  if (!print(ends.out, json.value() + "\n")) return fail("writing the answer failed");
  return json.value().starts_with(client::BrokerClient::kActive) ? kOk : kInactive;
}

}  // namespace carrel::token
