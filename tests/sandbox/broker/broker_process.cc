#include "tests/sandbox/broker/broker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "profiles/parse/canonical.h"
#include "profiles/parse/parse.h"
#include "tests/sandbox/box/stand.h"
#include "tests/support/mode.h"

namespace carrel::sandbox_test {

using protocol::Connection;
using protocol::Message;
using protocol::Type;

namespace {

constexpr std::string_view kProfile = R"(profile = "demo"
version = 3
summary = "For tests of the broker"
[purpose]
statement = "tests"
use = "testing"
[[repository]]
name = "app"
source = "/srv/app.git"
ref = "main"
read = ["docs"]
[[credential]]
name = "registry"
kind = "jwt"
audience = "registry.example"
)";

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

UniqueFd listen_at(const std::string& path) {
  unlink(path.c_str());
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), 16) != 0) {
    throw std::runtime_error("listen at " + path);
  }
  return listener;
}

}  // namespace

uid_t broker_uid() {
  return support::is_rootless() ? 0 : 0x70000000;
}

uid_t client_uid() {
  return support::is_rootless() ? support::kUser : 0;
}

Home::Home() {
  support::take_stand();
  if (mkdir(store().c_str(), 0700) != 0 ||
      chown(store().c_str(), broker_uid(), broker_uid()) != 0) {
    throw std::runtime_error("make store");
  }
}

std::string Home::log() const {
  return slurp(log_path());
}
std::string Home::trace() const {
  return slurp(trace_path());
}
std::string Home::read(const std::string& name) const {
  return slurp(store() + "/" + name);
}

std::vector<segments::RecordReader::StoredSeal> Home::seals(const std::string& session) const {
  const std::string path = store() + "/sessions/" + session;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return segments::RecordReader::open(fd.get()).take().seals().take();
}

BrokerProcess::BrokerProcess(const Home& home, const std::string& program,
                             const std::vector<std::string>& wrapper)
    : socket_path_(home.socket()) {
  auto [ours, theirs] = protocol::make_socket_pair().take();
  const UniqueFd listener = listen_at(home.socket());
  const UniqueFd store(open(home.store().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd log(
      open(home.log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string path = support::built(program);
  std::vector<std::string> words = wrapper;
  words.insert(words.end(), {path, "--listener-fd", "3", "--store-fd", "4", "--launcher-fd", "5",
                             "--log-fd", "6"});
  // As the launcher tells it who its clients are.
  if (support::is_rootless()) {
    words.insert(words.end(), {"--caller", std::to_string(client_uid())});
  } else {
    words.insert(words.end(), {"--uid", std::to_string(broker_uid())});
  }
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    // First out of the way of 3 to 6, then into place without close-on-exec.
    const int from[] = {fcntl(listener.get(), F_DUPFD, 20), fcntl(store.get(), F_DUPFD, 20),
                        fcntl(theirs.get(), F_DUPFD, 20), fcntl(log.get(), F_DUPFD, 20)};
    for (int i = 0; i < 4; ++i)
      dup2(from[i], 3 + i);
    close_range(7, ~0U, 0);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  launcher_ = Connection(std::move(ours));
}

BrokerProcess::~BrokerProcess() {
  if (pid_ > 0) kill_it();
}

void BrokerProcess::kill_it() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int BrokerProcess::wait_for_end() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

Message next_frame(Connection& connection) {
  auto got = connection.receive(10'000);
  if (!got.ok()) throw std::runtime_error(to_string(got.error()));
  auto message = got.take();
  if (!message.has_value()) throw std::runtime_error("connection closed");
  return std::move(*message);
}

Message BrokerProcess::hello() {
  return next_frame(launcher_);
}

Message BrokerProcess::launcher_call(Type type, const std::string& body, int fd) {
  const std::vector<int> fds = fd < 0 ? std::vector<int>{} : std::vector<int>{fd};
  if (!launcher_.send(type, body, fds).ok()) throw std::runtime_error("send to broker");
  return next_frame(launcher_);
}

Connection BrokerProcess::connect() const {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(socket_path_);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect to broker");
  }
  return Connection(std::move(socket));
}

Message BrokerProcess::client_call(Type type, const std::string& body) const {
  Connection connection = connect();
  if (!connection.send(type, body).ok()) throw std::runtime_error("send to broker");
  return next_frame(connection);
}

protocol::OpenRequest open_request(const std::string& name) {
  std::string source(kProfile);
  source.replace(source.find("demo"), 4, name);
  protocol::OpenRequest request;
  request.set_profile_source(source);
  request.set_profile_path("demo.toml");
  request.set_canonical(
      parse::to_canonical(parse::parse_profile(source, "demo.toml").take().profile));
  request.add_command("/bin/true");
  return request;
}

Connection BrokerProcess::start_session(std::string* session) {
  // A workspace has one session at a time, so each is of a task of its own.
  const std::string name = "demo-" + std::to_string(started_++);
  const Message opened = client_call(Type::kOpenRequest, open_request(name).SerializeAsString());
  const auto reply = protocol::parse_message<protocol::OpenReply>(opened).take();
  *session = reply.session();
  protocol::ConfirmTicket confirm;
  confirm.set_ticket(reply.ticket());
  confirm.set_peer_uid(client_uid());
  if (launcher_call(Type::kConfirmTicket, confirm.SerializeAsString()).type != Type::kSessionSpec) {
    throw std::runtime_error("ticket not confirmed");
  }
  auto [ours, theirs] = protocol::make_socket_pair().take();
  protocol::SessionStart start;
  start.set_session(reply.session());
  start.set_host("desk");
  start.set_mode(support::is_rootless() ? "rootless" : "root");
  if (launcher_call(Type::kSessionStart, start.SerializeAsString(), theirs.get()).type !=
      Type::kAck) {
    throw std::runtime_error("session not started");
  }
  return Connection(std::move(ours));
}

protocol::SessionRow BrokerProcess::row(const std::string& session) const {
  const Message answer = client_call(Type::kListRequest, "");
  const auto list = protocol::parse_message<protocol::ListReply>(answer).take();
  for (const protocol::SessionRow& each : list.rows()) {
    if (each.session() == session) return each;
  }
  throw std::runtime_error("no row of session " + session);
}

}  // namespace carrel::sandbox_test
