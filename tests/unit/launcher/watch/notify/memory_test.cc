#include "launcher/watch/notify/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace carrel::notify {
namespace {

uint64_t at(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

class NotifyMemory : public testing::Test {
 protected:
  void SetUp() override {
    page_ = static_cast<char*>(mmap(nullptr, 2 * size_t{kPage}, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(page_, MAP_FAILED);
    ASSERT_EQ(munmap(page_ + kPage, kPage), 0);  // what lies behind is not there
  }
  void TearDown() override { munmap(page_, kPage); }
  static constexpr long kPage = 4096;
  Memory memory_{getpid()};
  char* page_ = nullptr;
};

TEST_F(NotifyMemory, ATextAtTheEndOfAPageIsReadWhole) {
  strcpy(page_ + kPage - 5, "name");
  const Copied copied = memory_.text(at(page_ + kPage - 5));
  EXPECT_EQ(copied.error, 0);
  EXPECT_EQ(copied.bytes, "name");
}

TEST_F(NotifyMemory, ATextThatRunsIntoNothingIsEfault) {
  memset(page_, 'x', kPage);
  EXPECT_EQ(memory_.text(at(page_ + kPage - 5)).error, EFAULT);
  EXPECT_EQ(memory_.text(0).error, EFAULT);
  EXPECT_EQ(memory_.text(UINT64_MAX).error, EFAULT);
}

TEST_F(NotifyMemory, ATextWithoutEndIsTooLong) {
  const std::string longest(4095, 'x');
  EXPECT_EQ(memory_.text(at(longest.c_str())).bytes.size(), 4095U);
  const std::string longer(4096, 'x');
  EXPECT_EQ(memory_.text(at(longer.c_str())).error, ENAMETOOLONG);
}

TEST_F(NotifyMemory, ExactlyIsAllOrNothing) {
  EXPECT_EQ(memory_.exactly(at(page_), kPage).bytes.size(), size_t{kPage});
  EXPECT_EQ(memory_.exactly(at(page_ + 1), kPage).error, EFAULT);
  EXPECT_EQ(memory_.exactly(0, 0).error, 0);
  EXPECT_EQ(memory_.trouble(), 0);
}

TEST_F(NotifyMemory, ArgumentsAreCountedWholeAndKeptInPart) {
  const std::array<const char*, 4> words = {"one", "", "three", nullptr};
  auto arguments = memory_.arguments(at(words.data()), 100);
  EXPECT_EQ(arguments.error, 0);
  EXPECT_EQ(arguments.bytes, std::string("one\0\0three\0", 11));
  EXPECT_EQ(arguments.total, 11U);
  arguments = memory_.arguments(at(words.data()), 6);
  EXPECT_EQ(arguments.bytes, std::string("one\0\0t", 6));
  EXPECT_EQ(arguments.total, 11U);
  EXPECT_EQ(memory_.arguments(0, 100).total, 0U);
  const std::array<const char*, 2> bad = {"one", reinterpret_cast<const char*>(16)};
  EXPECT_EQ(memory_.arguments(at(bad.data()), 100).error, EFAULT);
}

TEST_F(NotifyMemory, AnArrayWithoutEndEnds) {
  const std::string word(1000, 'w');
  std::vector<const char*> words(4000, word.c_str());
  words.push_back(nullptr);
  const auto arguments = memory_.arguments(at(words.data()), 100);
  EXPECT_EQ(arguments.error, E2BIG);
  EXPECT_EQ(arguments.bytes.size(), 100U);
}

}  // namespace
}  // namespace carrel::notify
