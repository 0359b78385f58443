#include "launcher/gateway/relay/names_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "tests/support/require.h"

namespace carrel::gateway {
namespace {

struct File {
  File() : held(memfd_create("names", MFD_CLOEXEC)) {}
  [[nodiscard]] UniqueFd again() const { return UniqueFd(dup(held.get())); }
  void write(std::string_view text) const {
    ASSERT_EQ(pwrite(held.get(), text.data(), text.size(), lseek(held.get(), 0, SEEK_END)),
              static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string text() const {
    std::array<char, 4096> bytes{};
    const ssize_t got = pread(held.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<size_t>(got < 0 ? 0 : got)};
  }
  UniqueFd held;
};

TEST(NamesFile, AnAddressMeansTheSameInTheNextSession) {
  const File file;
  Result<NamesFile> first = NamesFile::open(file.again(), 5);
  ASSERT_TRUE(first.ok());
  NamesFile names = first.take();
  const auto one = names.names().give("one.example");
  const auto two = names.names().give("two.example");
  ASSERT_TRUE(names.keep().ok());
  Result<NamesFile> second = NamesFile::open(file.again(), 9);  // another random number
  ASSERT_TRUE(second.ok());
  NamesFile again = second.take();
  EXPECT_EQ(again.names().give("two.example"), two);
  EXPECT_EQ(again.names().give("one.example"), one);
  EXPECT_EQ(again.names().size(), 2U);
}

TEST(NamesFile, IsWrittenOnlyOnceForEachName) {
  const File file;
  NamesFile names = NamesFile::open(file.again(), 0).take();
  names.names().give("one.example");
  ASSERT_TRUE(names.keep().ok());
  ASSERT_TRUE(names.keep().ok());
  names.names().give("two.example");
  ASSERT_TRUE(names.keep().ok());
  EXPECT_EQ(file.text(), "carrel-names 1 0\none.example\ntwo.example\n");
}

TEST(NamesFile, CutsOffALineThatNobodyWasToldOf) {
  const File file;
  file.write("carrel-names 1 3\none.example\ntwo.exa");
  NamesFile names = NamesFile::open(file.again(), 0).take();
  EXPECT_EQ(names.names().size(), 1U);
  EXPECT_EQ(file.text(), "carrel-names 1 3\none.example\n");
}

/// A file of the disk that can hold no more than so many bytes while this lives (setrlimit(2)); a
/// memfd has no such end.
struct NoRoomAbove {
  explicit NoRoomAbove(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before);
    old = signal(SIGXFSZ, SIG_IGN);
    const rlimit now{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~NoRoomAbove() {
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old);
  }
  NoRoomAbove(const NoRoomAbove&) = delete;
  NoRoomAbove& operator=(const NoRoomAbove&) = delete;
  rlimit before{};
  sighandler_t old = nullptr;
};

TEST(NamesFile, LeavesNothingOfAWriteThatFoundNoRoom) {
  File file;
  file.held.reset(open(::testing::TempDir().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.held.valid());
  NamesFile names = NamesFile::open(file.again(), 0).take();
  const auto one = names.names().give("one.example");
  ASSERT_TRUE(names.keep().ok());
  const std::string before = file.text();
  const auto two = names.names().give("two.example");
  {
    const NoRoomAbove limit(before.size() + 5);  // "two.e"
    EXPECT_EQ(names.keep().error().sys_errno, ENOSPC);
    EXPECT_EQ(file.text(), before);
    EXPECT_TRUE(names.keeps(one.value_or(0)));
    EXPECT_FALSE(names.keeps(two.value_or(0)));
    EXPECT_EQ(names.keep().error().sys_errno, ENOSPC);
  }
  const auto three = names.names().give("three.example");
  ASSERT_TRUE(names.keep().ok());
  EXPECT_TRUE(names.keeps(two.value_or(0)));
  EXPECT_TRUE(names.keeps(three.value_or(0)));
  EXPECT_FALSE(names.keeps(three.value_or(0) + 1));
  EXPECT_FALSE(names.keeps(one.value_or(0) - 1));
  NamesFile next = NamesFile::open(file.again(), 0).take();
  EXPECT_EQ(next.names().size(), 3U);
  EXPECT_EQ(next.names().give("one.example"), one);
  EXPECT_EQ(next.names().give("two.example"), two);
  EXPECT_EQ(next.names().give("three.example"), three);
}

TEST(NamesFile, RefusesWhatIsNoList) {
  const File file;
  file.write("carrel-names 1 3\none.example\none.example\n");
  EXPECT_EQ(NamesFile::open(file.again(), 0).error().sys_errno, EBADMSG);
}

}  // namespace
}  // namespace carrel::gateway
