#include "tests/unit/launcher/watch/session/stage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "broker/record/evidence/policy.h"
#include "broker/record/evidence/sha256.h"
#include "broker/record/segments/store.h"
#include "broker/wire/manifest/manifest.h"
#include "launcher/watch/session/clock.h"
#include "profiles/base/check.h"
#include "profiles/base/text.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/parse.h"

namespace carrel::session_test {

using protocol::Connection;
using protocol::Message;
using protocol::Type;

const char* const kProfile = R"(
profile = "demo"
version = 3
summary = "A demo."
[purpose]
statement = "Ticket 7: mend it."
use = "testing"
[[repository]]
name = "app"
source = "."
ref = "HEAD"
read = ["docs"]
write = ["src/own"]
never = ["src/own/secret"]
[[credential]]
name = "ci"
kind = "jwt"
audience = "https://ci.example.org"
)";

namespace {

std::pair<UniqueFd, UniqueFd> pair_of(int type) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::pair<UniqueFd, UniqueFd> make_pipe() {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void put(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

UniqueFd open_folder(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

evidence::SigningKey key(char fill) {
  return evidence::SigningKey::from_seed(Secret(std::string(32, fill))).take();
}

World real_world() {
  return {session::system_clock().real_ns, [](size_t size) {
            std::string bytes(size, '\0');
            CHECK(getrandom(bytes.data(), size, 0) == static_cast<ssize_t>(size));
            return Result<std::string>(bytes);
          }};
}

}  // namespace

Stage::Stage(const Options& options)
    : options_(options), broker_key_(key('b')), world_(real_world()) {
  signal(SIGPIPE, SIG_IGN);
  chmod(folder_.path().c_str(), 0755);
  auto parsed = parse::parse_profile(kProfile, "demo.toml");
  if (!parsed.ok()) ADD_FAILURE() << parsed.error().what;
  profile_ = parse::without_lines(parsed.take().profile);
  profile_.credentials[0].ttl_s = options.credential_life_s;
  canonical_ = parse::to_canonical(profile_);
  for (const char* name :
       {"store", "tree", "tree/.git", "tree/src", "tree/src/own", "pristine", "credentials"})
    CHECK(mkdir(path(name).c_str(), 0755) == 0);
  if (options.uid != 0) {
    CHECK(chown(path("credentials").c_str(), options.uid, options.uid) == 0);
  }
  const std::string before = "before\n";
  const evidence::Digest digest = evidence::sha256(before);
  put(path("tree/src/own/a.txt"), before);
  put(path("pristine/") + to_hex(evidence::as_view(digest)), before);
  manifest::Manifest manifest;
  manifest.commit = manifest.source = std::string(40, 'a');
  manifest.files.push_back(
      {"src/own/a.txt", 0100644, before.size(), std::string(evidence::as_view(digest))});
  put(path("manifest"), manifest::format_manifest(manifest));
  put(path("cgroup.events"), "populated 1\nfrozen 0\n");
  put(path("cgroup.kill"), "");
  put(path("cgroup.freeze"), "0");
  cgroup_events.reset(open(path("cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  cgroup_kill.reset(open(path("cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  cgroup_freeze.reset(open(path("cgroup.freeze").c_str(), O_WRONLY | O_CLOEXEC));
  start_broker();

  auto [control_ours, control_theirs] = pair_of(SOCK_STREAM);
  launcher = Connection(std::move(control_ours));
  control = std::move(control_theirs);
  auto [client_ours, client_theirs] = pair_of(SOCK_STREAM);
  client = Connection(std::move(client_ours));
  auto [broker_ours, broker_theirs] = pair_of(SOCK_STREAM);
  broker = Connection(std::move(broker_ours));
  auto [init_ours, init_theirs] = pair_of(SOCK_SEQPACKET);
  init = std::move(init_ours);
  theirs_.push_back(std::move(client_theirs));
  theirs_.push_back(std::move(broker_theirs));
  theirs_.push_back(std::move(init_theirs));
  std::tie(gate, gate_write_) = make_pipe();
  std::tie(stdin_fd, pipes_[0]) = make_pipe();
  std::tie(pipes_[1], stdout_fd) = make_pipe();
  std::tie(pipes_[2], stderr_fd) = make_pipe();
}

void Stage::start_broker() {
  store_fd_ = open_folder(path("store"));
  records_.emplace(store::RecordFolder::open(store_fd_.get()).take());
  issuer_ = std::make_unique<credentials::Issuer>("carrel.test", key('t'), world_);
  store::SessionRow row;
  row.session = kSession;
  row.profile = "demo";
  row.person = "local:1000";
  credentials::Holder holder;
  holder.session = kSession;
  holder.task = "local/demo";
  holder.profile = "demo";
  holder.profile_version = 3;
  holder.contractor = "local:1000";
  holder.purpose = "testing";
  holder.repositories = {"app"};
  holder.grants = {{"ci", "https://ci.example.org", options_.credential_life_s}};
  if (options_.credential_kind != credentials::Kind::kJwt) {
    holder.grants = {
        {"ci", "", options_.credential_life_s, options_.credential_kind, "secret:ci-token"}};
  }
  live_ =
      std::make_unique<monitor::LiveSession>(row, holder, records_->create(kSession).take(),
                                             monitor::SessionTools{broker_key_, *issuer_, world_});
}

Message Stage::config(UniqueFd ring, UniqueFd counters, uint32_t ring_bytes) {
  protocol::SessionConfig config;
  protocol::SessionSpec& spec = *config.mutable_spec();
  spec.set_session(kSession);
  spec.set_workspace("01hzw00000000000000000000w");
  spec.set_task("local/demo");
  spec.set_person("local:1000");
  spec.set_canonical(canonical_);
  spec.set_profile_path("demo.toml");
  spec.add_command("/bin/true");
  spec.set_tty(options_.tty);
  protocol::RuleLine* line = spec.add_rule_lines();
  line->set_id("repository.app");
  line->set_line(8);
  config.set_host("desk");
  config.set_mode(options_.rootless ? "rootless" : "root");
  config.set_sensor(options_.rootless ? "notify" : "syscall");
  config.set_asked("best");
  protocol::AssuranceItem* item = config.add_assurance();
  item->set_id("disk-encrypted");
  item->set_why("no such disk");
  config.set_columns(100);
  config.set_rows(30);
  config.add_repositories()->set_name("app");
  config.set_profile_sha256(std::string(evidence::as_view(evidence::sha256(canonical_))));
  config.set_ring_bytes(ring_bytes);
  config.set_max_duration_s(options_.max_duration_s);
  config.set_idle_timeout_s(options_.idle_timeout_s);
  config.set_no_cgroup(options_.rootless);
  config.set_can_freeze(options_.can_freeze && !options_.rootless);
  Message message{Type::kSessionConfig, config.SerializeAsString(), {}};
  for (UniqueFd& fd : theirs_)
    message.fds.push_back(std::move(fd));
  message.fds.push_back(std::move(ring));
  message.fds.push_back(std::move(counters));
  if (!config.no_cgroup()) {
    message.fds.push_back(std::move(cgroup_events));
    message.fds.push_back(std::move(cgroup_kill));
  }
  if (config.can_freeze()) message.fds.push_back(std::move(cgroup_freeze));
  message.fds.push_back(open_folder(path("credentials")));
  message.fds.push_back(std::move(gate_write_));
  for (UniqueFd& pipe : pipes_) {
    if (!options_.tty) message.fds.push_back(std::move(pipe));
    pipe.reset();
  }
  message.fds.push_back(open_folder(path("tree")));
  message.fds.push_back(open_folder(path("tree")));  // a plain folder
  message.fds.push_back(open_folder(path(".")));
  return message;
}

// ---- playing -----------------------------------------------------------------------------------

bool Stage::until(const std::function<bool()>& done, int timeout_ms) {
  const uint64_t end =
      session::read_clock(CLOCK_MONOTONIC) + static_cast<uint64_t>(timeout_ms) * session::kNsPerMs;
  while (!done()) {
    if (session::read_clock(CLOCK_MONOTONIC) > end) return false;
    pollfd polls[] = {{launcher.fd(), POLLIN, 0},
                      {client_closed || !client_reads ? -1 : client.fd(), POLLIN, 0},
                      {broker_answers ? broker.fd() : -1, POLLIN, 0},
                      {init.get(), POLLIN, 0},
                      {gate_open ? -1 : gate.get(), POLLIN, 0}};
    poll(polls, 5, 5);
    play();
  }
  return true;
}

void Stage::play() {
  if (broker_answers && broker.valid()) play_broker();
  if (launcher.valid()) play_launcher();
  if (client.valid() && client_reads && !client_closed) play_client();
  if (init.valid()) play_init();
  play_cgroup();
  char byte = 0;
  pollfd look{gate_open ? -1 : gate.get(), POLLIN, 0};
  if (poll(&look, 1, 0) > 0 && read(gate.get(), &byte, 1) == 1) gate_open = true;
}

void Stage::play_broker() {
  (void)broker.flush().ok();
  const Result<bool> open = broker.fill();
  while (true) {
    const auto message = broker.next();
    ASSERT_TRUE(message.ok());
    if (!message.value().has_value()) break;
    auto replies = live_->take(*message.value());
    if (!replies.ok()) {
      ADD_FAILURE() << "the broker refused: " << to_string(replies.error());
      broker.close();
      return;
    }
    for (const monitor::Reply& reply : replies.value())
      (void)broker.queue(reply.type, reply.body).ok();
    for (const auto& ask : live_->take_asks()) {
      const auto reply = live_->take_secret(ask.credential, secret());
      if (reply.has_value()) (void)broker.queue(reply->type, reply->body).ok();
    }
  }
  if (!open.ok() || !open.value()) broker.close();
}

void Stage::play_launcher() {
  const Result<bool> open = launcher.fill();
  while (true) {
    auto message = launcher.next();
    ASSERT_TRUE(message.ok());
    if (!message.value().has_value()) break;
    if (message.value()->type == Type::kRecorded) {
      reader_tid =
          protocol::parse_message<protocol::Recorded>(*message.value()).take().reader_tid();
      recorded = true;
      if (say_go) (void)protocol::send_message(launcher, Type::kGo, protocol::Go()).ok();
    } else if (message.value()->type == Type::kFinished) {
      finished = protocol::parse_message<protocol::Finished>(*message.value()).take();
    } else if (message.value()->type == Type::kStartSsh) {
      ssh_wanted.push_back(std::move(*message.take()));
    } else {
      ADD_FAILURE() << "frame out of turn";
    }
  }
  if (!open.ok() || !open.value()) launcher.close();
}

void Stage::play_client() {
  const Result<bool> open = client.fill();
  while (true) {
    const auto message = client.next();
    ASSERT_TRUE(message.ok());
    if (!message.value().has_value()) break;
    if (message.value()->type == Type::kStdout) out += message.value()->body;
    if (message.value()->type == Type::kStderr) err += message.value()->body;
    if (message.value()->type == Type::kNotice || message.value()->type == Type::kHint) {
      EXPECT_TRUE(out.empty() || !notices.empty()) << "the notice comes first";
      notices += message.value()->body;
    }
  }
  client_closed = !open.ok() || !open.value();
}

void Stage::play_init() {
  std::string packet(init::kMaxSpawnBytes, '\0');
  while (true) {
    const ssize_t got = recv(init.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (got == 0) init.reset();
    if (got < static_cast<ssize_t>(sizeof(init::Record))) return;
    init::Record record{};
    memcpy(&record, packet.data(), sizeof record);
    if (record.type == init::RecordType::kSpawn) {
      spawned.push_back(packet.substr(0, static_cast<size_t>(got)));
      continue;
    }
    EXPECT_EQ(record.type, init::RecordType::kSignal);
    signals.push_back(record.a);
    signalled.push_back(record.c);
  }
}

void Stage::play_cgroup() {
  std::ifstream asked(path("cgroup.freeze"));
  std::string word;
  if (asked >> word && !killed && freezes && word != frozen) {
    frozen = word;
    put(path("cgroup.events"), "populated 1\nfrozen " + word + "\n");
  }
  struct stat kill {};
  if (killed || stat(path("cgroup.kill").c_str(), &kill) != 0 || kill.st_size == 0) return;
  killed = true;
  if (dies_when_killed) empty_cgroup();
}

/// What the kernel does: everything inside is gone, and with it its ends of pipes.
void Stage::empty_cgroup() {
  stdin_fd.reset();
  stdout_fd.reset();
  stderr_fd.reset();
  init.reset();
  put(path("cgroup.events"), "populated 0\nfrozen 0\n");
}

bool Stage::open_gate() {
  tell(init::RecordType::kReady);
  return until([this] { return gate_open; });
}

void Stage::exit_command(int wait_status) {
  tell(init::RecordType::kExited, wait_status);
}

void Stage::tell(init::RecordType type, int32_t a, int32_t b, int fd, int32_t c) {
  init::Record record{type, a, b, c};
  iovec part{&record, sizeof record};
  alignas(cmsghdr) char control_bytes[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control_bytes;
    header.msg_controllen = sizeof control_bytes;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  const ssize_t sent = sendmsg(init.get(), &header, MSG_NOSIGNAL);
  // A session that has ended by itself needs no telling.
  EXPECT_TRUE(sent == static_cast<ssize_t>(sizeof record) || errno == EPIPE);
}

void Stage::type(std::string_view bytes) {
  EXPECT_TRUE(client.queue(Type::kStdin, bytes).ok());
}

void Stage::write_out(std::string_view bytes, int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  EXPECT_TRUE(until([&] {
    const ssize_t taken = write(fd, bytes.data(), bytes.size());
    if (taken > 0) bytes.remove_prefix(static_cast<size_t>(taken));
    return bytes.empty();
  }));
}

// ---- the record --------------------------------------------------------------------------------

store::SessionRow Stage::end_record() {
  until([this] { return !broker.valid(); });
  return live_->end();
}

verify::VerifyReport Stage::verify() const {
  const UniqueFd fd = records_->open_record(kSession).take();
  return verify::verify_record(fd.get(), evidence::broker_policy(broker_key_.public_key()),
                               kSession);
}

std::vector<events::Event> Stage::record() const {
  const UniqueFd fd = records_->open_record(kSession).take();
  std::vector<events::Event> all;
  const auto read =
      segments::RecordReader::open(fd.get()).take().for_each([&](const events::Event& event) {
        all.push_back(event);
        return true;
      });
  EXPECT_TRUE(read.ok());
  return all;
}

std::string Stage::read_blob(const std::string& sha256) const {
  const UniqueFd fd = records_->open_record(kSession).take();
  return segments::RecordReader::open(fd.get()).take().read_blob(to_hex(sha256)).take();
}

std::string Stage::recorded_output(std::string_view stream) const {
  std::string bytes;
  for (const events::Event& event : events_of<events::TerminalOutput>()) {
    const auto& output = std::get<events::TerminalOutput>(event.data);
    if (output.stream == stream) bytes += output.bytes;
  }
  return bytes;
}

}  // namespace carrel::session_test
