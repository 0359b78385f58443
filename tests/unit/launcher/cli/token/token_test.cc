#include "launcher/cli/token/token.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "launcher/cli/token/arguments.h"
#include "profiles/base/unique_fd.h"
#include "tests/support/folder.h"

namespace carrel::token {
namespace {

using ::testing::HasSubstr;

std::string complaint(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  return parsed.ok() ? "" : to_string(parsed.error());
}

TEST(TokenArguments, ReadEveryOption) {
  const auto parsed = parse_arguments({"introspect", "--http", "--state", "/s"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed.value().http);
  EXPECT_EQ(parsed.value().state, "/s");
  EXPECT_FALSE(parse_arguments({"introspect"}).value().http);
  EXPECT_TRUE(parse_arguments({"--help"}).value().help);
  EXPECT_THAT(help_text(), HasSubstr("carrel token introspect"));
}

TEST(TokenArguments, SayWhatIsWrongAndNoToken) {
  EXPECT_EQ(complaint({}), "say what: introspect");
  EXPECT_EQ(complaint({"revoke"}), "say what: introspect");
  EXPECT_THAT(complaint({"introspect", "--json"}), HasSubstr("unknown option --json"));
  const std::string many = complaint({"introspect", "ey.secret.x"});
  EXPECT_THAT(many, HasSubstr("the token comes on standard input"));
  EXPECT_EQ(many.find("secret"), std::string::npos);
}

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

Ran run(const support::Folder& folder, const std::string& stdin_text) {
  std::ofstream(folder / "in") << stdin_text;
  const UniqueFd in(open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd out(open((folder / "out").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  std::FILE* err = std::tmpfile();
  Ran done;
  done.code = run_token({"introspect", "--state", folder / "none"}, {in.get(), out.get(), err});
  std::array<char, 4096> room{};
  std::rewind(err);
  done.err.assign(room.data(), std::fread(room.data(), 1, room.size(), err));
  std::fclose(err);
  std::ifstream written(folder / "out");
  done.out.assign(std::istreambuf_iterator<char>(written), {});
  return done;
}

TEST(Token, IsOneOnStandardInput) {
  const support::Folder folder;
  EXPECT_THAT(run(folder, "").err, HasSubstr("there is no token on standard input"));
  EXPECT_THAT(run(folder, "\n").err, HasSubstr("there is no token on standard input"));
  EXPECT_THAT(run(folder, std::string(16385, 'a')).err, HasSubstr("a token has at most 16 KiB"));
  EXPECT_THAT(run(folder, std::string(1 << 20, 'a')).err, HasSubstr("a token has at most 16 KiB"));
  for (const std::string& fits :
       {std::string(16384, 'a'), std::string(16384, 'a') + "\n", std::string("a.b.c\r\n")}) {
    const Ran asked = run(folder, fits);
    EXPECT_EQ(asked.code, 1);
    EXPECT_EQ(asked.out, "");
    EXPECT_THAT(asked.err, HasSubstr("there is no state folder"));
  }
}

TEST(Token, IsNotTypedAtATerminal) {
  const UniqueFd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(grantpt(terminal.get()), 0);
  ASSERT_EQ(unlockpt(terminal.get()), 0);
  std::FILE* err = std::tmpfile();
  EXPECT_EQ(run_token({"introspect"}, {terminal.get(), STDOUT_FILENO, err}), 1);
  std::array<char, 4096> room{};
  std::rewind(err);
  EXPECT_THAT(std::string(room.data(), std::fread(room.data(), 1, room.size(), err)),
              HasSubstr("carrel token introspect < FILE"));
  std::fclose(err);
}

}  // namespace
}  // namespace carrel::token
