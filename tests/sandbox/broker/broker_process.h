#pragma once
// A real carrel-broker on a store of its own, with the test in the launcher's place.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/record/segments/store.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/unique_fd.h"
#include "tests/support/folder.h"

namespace carrel::sandbox_test {

/// The broker's and its files'. An ordinary user's is 0, which is that user in namespaces of their
/// own.
uid_t broker_uid();
/// Who runs the test, as clients are known to the broker.
uid_t client_uid();

/// Folder with the store and the socket; outlives broker processes, which can be killed.
class Home {
 public:
  Home();
  [[nodiscard]] std::string store() const { return folder_ / "store"; }
  [[nodiscard]] std::string socket() const { return folder_ / "broker.sock"; }
  [[nodiscard]] std::string log_path() const { return folder_ / "log"; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::string trace_path() const { return folder_ / "trace"; }
  [[nodiscard]] std::string trace() const;
  [[nodiscard]] std::string read(const std::string& name) const;  // below the store
  [[nodiscard]] std::vector<segments::RecordReader::StoredSeal> seals(
      const std::string& session) const;

 private:
  support::Folder folder_;
};

class BrokerProcess {
 public:
  /// Starts it; `program` is a file below the build folder. `wrapper` are words in front of the
  /// command (strace and its options); then pid() is the wrapper's.
  explicit BrokerProcess(const Home& home,
                         const std::string& program = "libexec/carrel/carrel-broker",
                         const std::vector<std::string>& wrapper = {});
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;
  ~BrokerProcess();  // kills it when it still runs

  /// The first frame: BrokerReady or Failure.
  protocol::Message hello();
  /// Sends to the broker as launcher and gives its answer.
  protocol::Message launcher_call(protocol::Type type, const std::string& body, int fd = -1);
  /// A client's connection.
  protocol::Connection connect() const;
  /// One request on a connection of its own.
  protocol::Message client_call(protocol::Type type, const std::string& body) const;

  /// Opens a session: ticket, confirmation, start. Its channel; `session` gets the id.
  protocol::Connection start_session(std::string* session);
  /// The session's row as clients see it.
  protocol::SessionRow row(const std::string& session) const;

  void close_launcher_channel() { launcher_.close(); }
  void kill_it();
  /// Waits for the end by itself; the exit status.
  int wait_for_end();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::string socket_path_;
  pid_t pid_ = -1;
  protocol::Connection launcher_;
  int started_ = 0;
};

/// What a client sends to open the tests' profile.
protocol::OpenRequest open_request(const std::string& name = "demo");

/// The next frame within 10 s; fails the test when there is none.
protocol::Message next_frame(protocol::Connection& connection);

}  // namespace carrel::sandbox_test
