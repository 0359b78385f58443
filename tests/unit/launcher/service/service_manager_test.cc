#include "launcher/service/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "profiles/base/unique_fd.h"
#include "tests/support/folder.h"

namespace carrel::service {
namespace {

/// A manager that listens at this address, "@" for an abstract one.
UniqueFd manager(const std::string& address) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  memcpy(at.sun_path, address.data(), address.size());
  if (address[0] == '@') at.sun_path[0] = '\0';
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  EXPECT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  return socket;
}

std::string heard(const UniqueFd& socket) {
  std::array<char, 256> text{};
  const ssize_t got = recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT);
  return got < 0 ? "nothing" : std::string(text.data(), static_cast<size_t>(got));
}

TEST(ServiceManager, IsToldAtAPathAndAtAnAbstractName) {
  const support::Folder folder;
  for (const std::string& address :
       {folder / "notify", "@carrel-test-" + std::to_string(getpid())}) {
    const UniqueFd socket = manager(address);
    EXPECT_TRUE(tell_manager(address, "READY=1").ok());
    EXPECT_EQ(heard(socket), "READY=1");
  }
}

TEST(ServiceManager, ThatIsNotThereIsAnErrorAndNoneIsNot) {
  EXPECT_TRUE(tell_manager("", "READY=1").ok());
  EXPECT_FALSE(tell_manager("/nonexistent/notify", "READY=1").ok());
  EXPECT_FALSE(tell_manager("relative", "READY=1").ok());
  EXPECT_FALSE(tell_manager("/" + std::string(200, 'x'), "READY=1").ok());
}

TEST(ServiceManager, IsNamedToNobodyElse) {
  setenv("NOTIFY_SOCKET", "/run/notify", 1);
  EXPECT_EQ(take_manager_address(), "/run/notify");
  EXPECT_EQ(take_manager_address(), "");
}

}  // namespace
}  // namespace carrel::service
