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
            "secrets.toml:1:21: sources holds what is no source; write \"files\", \"systemd\", "
            "\"store\"");
  EXPECT_EQ(error_of("sources = [1]"),
            "secrets.toml:1:12: sources holds what is no source; write \"files\", \"systemd\", "
            "\"store\"");
  EXPECT_EQ(error_of("sources = [\"files\", \"files\"]"),
            "secrets.toml:1:21: sources names \"files\" twice");
  EXPECT_NE(error_of("sources = "), "");
}

const std::string kItems =
    "[store.http.secrets]\nci-token = { path = \"ci/deploy\", field = \"token\" }\n";
const std::string kPlace = "address = \"https://vault.example.org:8200\"\nrole_id = \"r-1\"\n";

std::string store_error(const std::string& lines) {
  return error_of("[store.http]\n" + lines + kItems);
}

TEST(SecretsConfig, ReadsAStore) {
  const Config plain = parse_config("[store.http]\n" + kPlace + kItems).take();
  EXPECT_EQ(plain.sources, (std::vector{Source::kFiles, Source::kSystemd, Source::kStore}));
  secret_store::Settings wanted;
  wanted.host = "vault.example.org";
  wanted.port = 8200;
  wanted.role_id = "r-1";
  wanted.items["ci-token"] = {"ci/deploy", "token"};
  EXPECT_EQ(plain.store, wanted);
  const Config all = parse_config(
                         "sources = [\"store\"]\n[store.http]\naddress = \"https://[fd00::7]\"\n"
                         "role_id = \"r-1\"\nmount = \"kv/team\"\nauth_mount = \"machines\"\n"
                         "namespace = \"a/b\"\ntimeout = \"3s\"\n" +
                         kItems)
                         .take();
  wanted.host = "fd00::7";
  wanted.port = 443;
  wanted.mount = "kv/team";
  wanted.auth_mount = "machines";
  wanted.name_space = "a/b";
  wanted.timeout_ms = 3000;
  EXPECT_EQ(all.store, wanted);
  EXPECT_EQ(all.sources, std::vector{Source::kStore});
}

TEST(SecretsConfig, RefusesAStoreThatIsNotWhole) {
  EXPECT_EQ(error_of("[store.http]\nrole_id = \"r\"\n" + kItems),
            "secrets.toml:1:8: [store.http] lacks address");
  EXPECT_EQ(error_of("[store.http]\naddress = \"https://h\"\n" + kItems),
            "secrets.toml:1:8: [store.http] lacks role_id");
  EXPECT_EQ(error_of("[store.http]\n" + kPlace), "secrets.toml:1:8: [store.http] lacks secrets");
  EXPECT_NE(error_of("[store.grpc]\n").find("write [store.http]"), std::string::npos);
  EXPECT_NE(error_of("store = 1").find("write [store.http]"), std::string::npos);
  EXPECT_EQ(error_of("sources = [\"store\"]"),
            "secrets.toml:1:11: sources names \"store\", but there is no [store.http]");
  EXPECT_EQ(error_of("sources = [\"files\"]\n[store.http]\n" + kPlace + kItems),
            "secrets.toml:2:2: [store.http] is there, but sources does not name \"store\"");
  EXPECT_EQ(store_error(kPlace + "mout = \"kv\"\n"),
            "secrets.toml:4:1: unknown key \"mout\"; did you mean \"mount\"?");
  EXPECT_EQ(store_error(kPlace + "secret_id = \"in the open\"\n").find("secrets.toml:4:1: unknown"),
            0U);
}

TEST(SecretsConfig, TakesAddressesOfHttpsAlone) {
  EXPECT_EQ(store_error("role_id = \"r\"\naddress = \"http://127.0.0.1:8200\"\n"),
            "secrets.toml:3:11: address is http, over which secrets could be read: write https://");
  for (const std::string address : {"",
                                    "https://",
                                    "https://h/",
                                    "https://h/v1",
                                    "https://u@h",
                                    "https://h:0",
                                    "https://h:65536",
                                    "https://h:",
                                    "https://h:80x",
                                    "https://h.",
                                    "https://fd00::7",
                                    "https://[fd00::7",
                                    "https://[]",
                                    "https://[h]",
                                    "https://h?x",
                                    "https://h#x",
                                    "https://a b",
                                    "ftp://h",
                                    "HTTPS://h",
                                    "h:8200"}) {
    EXPECT_NE(store_error("role_id = \"r\"\naddress = \"" + address + "\"\n"), "") << address;
  }
}

TEST(SecretsConfig, TakesNamesThatNoUrlEscapes) {
  for (const std::string path :
       {"", "/a", "a/", "a//b", ".", "a/../b", "a b", "a%2fb", "a?b", "ä"}) {
    EXPECT_NE(store_error(kPlace + "mount = \"" + path + "\"\n"), "") << path;
    EXPECT_NE(error_of("[store.http]\n" + kPlace + "[store.http.secrets]\nx = { path = \"" + path +
                       "\", field = \"f\" }"),
              "")
        << path;
  }
  for (const std::string item :
       {"x = { path = \"p\" }", "x = { field = \"f\" }", "x = \"p#f\"",
        "X = { path = \"p\", field = \"f\" }", "x = { path = \"p\", field = \"\" }",
        "x = { path = \"p\", field = \"f\", version = 1 }", ""}) {
    EXPECT_NE(error_of("[store.http]\n" + kPlace + "[store.http.secrets]\n" + item), "") << item;
  }
  for (const std::string time : {"0s", "16s", "1m", "x"})
    EXPECT_NE(store_error(kPlace + "timeout = \"" + time + "\"\n"), "") << time;
  EXPECT_NE(store_error(kPlace + "timeout = 5\n"), "");
}

}  // namespace
}  // namespace carrel::secrets
