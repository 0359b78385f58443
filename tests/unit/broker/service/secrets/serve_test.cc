#include "broker/service/secrets/serve.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "broker/wire/protocol/messages.pb.h"
#include "tests/support/folder.h"

namespace carrel::secrets {
namespace {

using protocol::Connection;
using protocol::Type;

/// A server on a thread of its own, and the broker's end of its channel.
class Server {
 public:
  Server() {
    auto [ours, theirs] = protocol::make_socket_pair().take();
    broker = Connection(std::move(ours));
    thread_ = std::thread([this, end = Connection(std::move(theirs))]() mutable {
      const Sources sources(
          UniqueFd(open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), UniqueFd());
      served = serve(end, sources, nullptr, no_store,
                     [this](const std::string& line) { log += line + "\n"; });
    });
  }
  ~Server() { end(); }
  void end() {
    broker.close();
    if (thread_.joinable()) thread_.join();
  }
  protocol::SecretReply ask(uint64_t id, const std::string& from) {
    protocol::SecretRequest request;
    request.set_id(id);
    request.set_from(from);
    EXPECT_TRUE(protocol::send_message(broker, Type::kSecretRequest, request).ok());
    const auto answer = broker.receive(5000).take();
    EXPECT_EQ(answer->type, Type::kSecretReply);
    return protocol::parse_message<protocol::SecretReply>(*answer).take();
  }

  support::Folder folder;
  Connection broker;
  Status served = Done{};
  std::string log;
  std::string no_store;

 private:
  std::thread thread_;
};

TEST(ServeSecrets, AnswersOneByOneAndLogsNoSecret) {
  Server server;
  std::ofstream(server.folder / "ci") << "hunter2\n";
  ASSERT_EQ(chmod((server.folder / "ci").c_str(), 0600), 0);
  const auto given = server.ask(7, "secret:ci");
  EXPECT_EQ(given.id(), 7U);
  EXPECT_EQ(given.value(), "hunter2");
  EXPECT_EQ(given.error(), "");
  const auto refused = server.ask(8, "secret:other");
  EXPECT_EQ(refused.id(), 8U);
  EXPECT_EQ(refused.value(), "");
  EXPECT_NE(refused.error().find("there is no file other"), std::string::npos);
  server.end();
  EXPECT_TRUE(server.served.ok());
  EXPECT_NE(server.log.find("given from=secret:ci\n"), std::string::npos) << server.log;
  EXPECT_NE(server.log.find("refused from=secret:other why="), std::string::npos);
  EXPECT_EQ(server.log.find("hunter2"), std::string::npos);
}

TEST(ServeSecrets, EndsWithAPeerThatAsksForSomethingElse) {
  Server server;
  ASSERT_TRUE(server.broker.send(Type::kMintCredential, "").ok());
  EXPECT_FALSE(server.broker.receive(5000).take().has_value());
  server.end();
  EXPECT_EQ(server.served.error().what, "the broker asks for something else than a secret");
}

}  // namespace
}  // namespace carrel::secrets
