#include "profiles/base/header_secret.h"

#include <gtest/gtest.h>

#include <string>

namespace carrel {
namespace {

TEST(HeaderSecret, IsPrintableAndNeitherShortNorLong) {
  for (const std::string& good :
       {std::string("12345678"), std::string(8192, 'a'), std::string("token a~!\"\\ x")})
    EXPECT_EQ(header_secret_fault(good), "") << good;
  const auto fault = [](const std::string& text) { return header_secret_fault(text); };
  EXPECT_EQ(fault(""), "has less than 8 bytes");
  EXPECT_EQ(fault("1234567"), "has less than 8 bytes");
  EXPECT_EQ(fault(std::string(8193, 'a')), "has more than 8 KiB");
  for (const std::string& bytes :
       {std::string("1234567\n"), std::string("123\r\n4567"), std::string("1234\0 56789", 11),
        std::string("12345678\x7F"), std::string("gr\xc3\xbcn-token")})
    EXPECT_NE(fault(bytes).find("no printable ASCII"), std::string::npos) << bytes;
  EXPECT_EQ(fault(" 12345678"), "begins or ends with a space");
  EXPECT_EQ(fault("12345678\t"), "begins or ends with a space");
}

}  // namespace
}  // namespace carrel
