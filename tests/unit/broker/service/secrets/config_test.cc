#include "broker/service/secrets/config.h"

#include <gtest/gtest.h>

namespace carrel::secrets {
namespace {

std::string error_of(std::string_view text) {
  const auto parsed = parse_config(text);
  return parsed.ok() ? "" : parsed.error().what;
}

TEST(SecretsConfig, SaysInWhichOrderSourcesAreAsked) {
  EXPECT_EQ(parse_config("").take(), Config{});
  EXPECT_EQ(parse_config("sources = [\"systemd\", \"files\"]\n").take().sources,
            (std::vector{Source::kSystemd, Source::kFiles}));
  EXPECT_EQ(parse_config("# ours\nsources = [\"systemd\"]").take().sources,
            std::vector{Source::kSystemd});
}

TEST(SecretsConfig, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(error_of("\nsource = []"),
            "secrets.toml:2:1: unknown key \"source\"; did you mean \"sources\"?");
  EXPECT_EQ(error_of("sources = []"),
            "secrets.toml:1:11: sources is no list; write sources = [\"files\", \"systemd\"]");
  EXPECT_EQ(error_of("sources = [\"files\", \"env\"]"),
            "secrets.toml:1:21: sources holds what is no source; write \"files\", \"systemd\"");
  EXPECT_EQ(error_of("sources = [1]"),
            "secrets.toml:1:12: sources holds what is no source; write \"files\", \"systemd\"");
  EXPECT_EQ(error_of("sources = [\"files\", \"files\"]"),
            "secrets.toml:1:21: sources names \"files\" twice");
  EXPECT_EQ(error_of("[store.http]\nurl = \"https://vault.example\""),
            "secrets.toml:1:2: store is not supported yet: secrets come from files and from "
            "systemd");
  EXPECT_NE(error_of("sources = "), "");
}

}  // namespace
}  // namespace carrel::secrets
