#include "launcher/gateway/relay/names_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>

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

TEST(NamesFile, RefusesWhatIsNoList) {
  const File file;
  file.write("carrel-names 1 3\none.example\none.example\n");
  EXPECT_EQ(NamesFile::open(file.again(), 0).error().sys_errno, EBADMSG);
}

}  // namespace
}  // namespace carrel::gateway
