#include "launcher/gateway/dns/synthetic.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace carrel::gateway {
namespace {

TEST(SyntheticNames, EachNameHasItsAddressForGood) {
  SyntheticNames names(choose_window(1));
  EXPECT_EQ(address_text(names.window().base), "198.18.16.0");
  EXPECT_EQ(address_text(names.give("a.example").value()), "198.18.16.1");
  EXPECT_EQ(address_text(names.give("b.example").value()), "198.18.16.2");
  EXPECT_EQ(names.give("a.example"), names.find("a.example"));
  EXPECT_EQ(names.size(), 2U);
  EXPECT_EQ(names.name_of(names.window().base + 2), "b.example");
  EXPECT_FALSE(names.name_of(names.window().base).has_value());
  EXPECT_FALSE(names.name_of(names.window().base + 3).has_value());
  EXPECT_FALSE(names.name_of(names.window().base - 1).has_value());
  EXPECT_FALSE(names.name_of(0).has_value());
  EXPECT_FALSE(names.name_of(UINT32_MAX).has_value());
  EXPECT_FALSE(names.find("c.example").has_value());
}

TEST(SyntheticNames, WindowsLieInTheRangeThatIsNobodys) {
  std::set<uint32_t> bases;
  for (uint32_t i = 0; i < 1000; ++i) {
    const Window window = choose_window(i * 7919);
    EXPECT_GE(window.base, 0xC6120000U);
    EXPECT_LE(window.base + Window::kSize - 1, 0xC613FFFFU);
    EXPECT_EQ(window.base % Window::kSize, 0U);
    bases.insert(window.base);
  }
  EXPECT_EQ(bases.size(), 32U);
}

TEST(SyntheticNames, AreTheSameInTheNextSession) {
  SyntheticNames names(choose_window(31));
  for (const char* name : {"b.example", "a.example", "c.example"})
    (void)names.give(name);
  auto again = SyntheticNames::parse(names.text());
  ASSERT_TRUE(again.ok()) << to_string(again.error());
  SyntheticNames kept = again.take();
  EXPECT_EQ(kept.find("a.example"), names.find("a.example"));
  EXPECT_EQ(kept.give("d.example").value(), names.give("d.example").value());
  EXPECT_EQ(kept.text(), names.text());
}

TEST(SyntheticNames, AListThatSomebodyChangedIsNone) {
  EXPECT_TRUE(SyntheticNames::parse("carrel-names 1 31\n").ok());
  EXPECT_TRUE(SyntheticNames::parse("carrel-names 1 0\na.example\n").ok());
  for (const char* text :
       {"", "carrel-names 1 31", "carrel-names 2 31\n", "carrel-names 1 32\n",
        "carrel-names 1 031\n", "carrel-names 1 -1\n", "carrel-names 1 \n", "carrel-names 1 3 \n",
        "carrel-names 1 3\na.example", "carrel-names 1 3\nA.example\n",
        "carrel-names 1 3\na.example.\n", "carrel-names 1 3\na.example\na.example\n",
        "carrel-names 1 3\n\n", "carrel-names 1 3\n127.0.0.1\n"}) {
    const auto read = SyntheticNames::parse(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().sys_errno, EBADMSG);
  }
}

TEST(SyntheticNames, EndAndNothingIsGivenTwice) {
  SyntheticNames names(choose_window(0));
  std::set<uint32_t> given;
  for (int i = 0; i < 4094; ++i)
    given.insert(names.give("n" + std::to_string(i) + ".example").value());
  EXPECT_EQ(given.size(), 4094U);
  EXPECT_EQ(address_text(*given.rbegin()), "198.18.15.254");
  EXPECT_FALSE(names.give("one-more.example").has_value());
  EXPECT_TRUE(names.give("n7.example").has_value());
  EXPECT_TRUE(SyntheticNames::parse(names.text()).ok());
  EXPECT_FALSE(SyntheticNames::parse(names.text() + "one-more.example\n").ok());
}

}  // namespace
}  // namespace carrel::gateway
