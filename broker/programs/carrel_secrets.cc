// carrel-secrets: reads the admin's secrets for one broker, which may not itself. Started by the
// launcher with "--broker-fd N --folder-fd N [--credentials-fd N] [--log-fd N] [--network 1]"; ends
// when the broker's end of the channel is closed. It keeps its user, who owns the files, and
// nothing else: no capability, no path but the two folders, no socket of its own, or, where
// secrets.toml names a store and "--network 1" says that there is a way to it, TCP connections to
// its port and questions for its name. Exit 0; 1 with one line in the log.

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <ctime>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "broker/confine/confine.h"
#include "broker/service/secrets/serve.h"
#include "broker/wire/protocol/connection.h"
#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::programs {
namespace {

struct SecretsOptions {
  int broker_fd = -1;
  int folder_fd = -1;
  int credentials_fd = -1;
  int log_fd = STDERR_FILENO;
  int network = 0;  // 1: this process stands where the host's network is
};

Result<SecretsOptions> parse_secrets_options(int argc, const char* const* argv) {
  SecretsOptions options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view text = i + 1 < argc ? argv[i + 1] : "";
    int value = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value < 0) {
      return Error{std::string(name) + ": no descriptor: " + quoted(text)};
    }
    if (name == "--broker-fd") {
      options.broker_fd = value;
    } else if (name == "--folder-fd") {
      options.folder_fd = value;
    } else if (name == "--credentials-fd") {
      options.credentials_fd = value;
    } else if (name == "--log-fd") {
      options.log_fd = value;
    } else if (name == "--network") {
      options.network = value;
    } else {
      return Error{"unknown argument " + quoted(name)};
    }
  }
  if (options.broker_fd < 0 || options.folder_fd < 0) {
    return Error{"--broker-fd and --folder-fd are required"};
  }
  return options;
}

secrets::Log log_to(int fd) {
  return [fd](const std::string& line) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t ns =
        static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
    const std::string whole = to_rfc3339(ns) + " secrets." + line + "\n";
    (void)!write(fd, whole.data(), whole.size());
  };
}

/// `port`: of the store; 0: there is none.
confine::Confinement secrets_confinement(const SecretsOptions& options, uint16_t port) {
  confine::Confinement list;
  if (geteuid() == 0) list.root_fd = options.folder_fd;
  if (confine::landlock_abi() > 0) {
    list.landlock = {{options.folder_fd, confine::PathRights::kRead}};
    if (options.credentials_fd >= 0) {
      list.landlock->push_back({options.credentials_fd, confine::PathRights::kRead});
    }
  }
  list.syscalls = confine::common_syscalls();
  for (const char* name : {"openat", "newfstatat"})
    list.syscalls.emplace_back(name);
  if (port == 0) return list;
  list.tcp_connect = true;
  list.tcp_ports = {port};
  for (const char* name : {"socket.internet", "connect", "getsockname", "getpeername", "getsockopt",
                           "setsockopt", "ioctl"}) {
    list.syscalls.emplace_back(name);
  }
  return list;
}

/// The way to the store, which takes what it needs of the host before that is out of reach.
struct ToStore {
  std::unique_ptr<secrets::StoreClient> client;  // null: there is none
  uint16_t port = 0;
  std::string why_not;  // it is named, but cannot be used
};

/// What is wrong with secrets.toml is the answer to each question, and nothing ends for it.
ToStore open_store(const secrets::Sources& sources, bool network, const secrets::Log& log) {
  const auto settings = sources.store();
  if (!settings.ok() || !settings.value().has_value()) return {};
  if (!network) {
    return {nullptr, 0,
            "[store.http] is not supported yet for an ordinary user's sessions: their secrets come "
            "from files"};
  }
  auto opened = secrets::StoreClient::open(*settings.value(), sources, log);
  if (!opened.ok()) return {nullptr, 0, to_string(opened.error())};
  return {opened.take(), settings.value()->port, ""};
}

Status run(const SecretsOptions& options, const secrets::Log& log) {
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
  const secrets::Sources sources{UniqueFd(options.folder_fd), UniqueFd(options.credentials_fd)};
  const ToStore store = open_store(sources, options.network == 1, log);
  RETURN_IF_ERROR(confine::confine_self(secrets_confinement(options, store.port)));
  protocol::Connection broker{UniqueFd(options.broker_fd)};
  return secrets::serve(broker, sources, store.client.get(), store.why_not, log);
}

int secrets_main(int argc, const char* const* argv) {
  const auto options = parse_secrets_options(argc, argv);
  if (!options.ok()) {
    const std::string text = "carrel-secrets: " + options.error().what + "\n";
    (void)!write(STDERR_FILENO, text.data(), text.size());
    return 1;
  }
  const secrets::Log log = log_to(options.value().log_fd);
  Status done = Done{};
  try {
    done = run(options.value(), log);
  } catch (const std::exception& thrown) {
    done = Error{std::string("exception: ") + thrown.what()};
  }
  if (done.ok()) return 0;
  log("failed why=" + quoted(to_string(done.error())));
  return 1;
}

}  // namespace
}  // namespace carrel::programs

int main(int argc, char** argv) {
  return carrel::programs::secrets_main(argc, argv);
}
