#include "broker/service/secrets/sources.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "tests/support/folder.h"
#include "tests/support/require.h"

namespace carrel::secrets {
namespace {

UniqueFd open_folder(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void put(const std::string& path, const std::string& bytes, mode_t mode = 0600) {
  (void)unlink(path.c_str());
  std::ofstream(path, std::ios::binary) << bytes;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

class SecretSources : public testing::Test {
 protected:
  std::string value(std::string_view from) {
    const auto found = sources.find(from);
    if (!found.ok()) return to_string(found.error());
    if (found.value().item.has_value()) {
      return "in the store: " + found.value().item->path + "#" + found.value().item->field;
    }
    return std::string(found.value().value.expose());
  }

  support::Folder files;
  support::Folder unit;
  Sources sources{open_folder(files.path()), open_folder(unit.path())};
};

TEST_F(SecretSources, ReadAFileAnewEachTime) {
  put(files / "ci-token", "first\n");
  EXPECT_EQ(value("secret:ci-token"), "first");
  put(files / "ci-token", "second\n\n", 0400);
  EXPECT_EQ(value("secret:ci-token"), "second\n");
  put(files / "ci-token", std::string("\0\xFF", 2));
  EXPECT_EQ(value("secret:ci-token"), std::string("\0\xFF", 2));
  put(files / "ci-token", std::string(kMaxSecret, 'x'));
  EXPECT_EQ(value("secret:ci-token").size(), kMaxSecret);
}

TEST_F(SecretSources, KeepAuthoritiesApartFromSecrets) {
  put(files / "team", "a secret");
  put(files / "ca.team", "a key");
  EXPECT_EQ(value("secret:team"), "a secret");
  EXPECT_EQ(value("ca:team"), "a key");
  EXPECT_EQ(value("secret:ca.team"), "secret:ca.team names no secret");
}

TEST_F(SecretSources, AreAskedInOrder) {
  put(unit / "both", "of the unit");
  EXPECT_EQ(value("secret:both"), "of the unit");
  put(files / "both", "of the folder");
  EXPECT_EQ(value("secret:both"), "of the folder");
  put(files / "secrets.toml", "sources = [\"systemd\", \"files\"]");
  EXPECT_EQ(value("secret:both"), "of the unit");
  put(files / "secrets.toml", "sources = [\"systemd\"]");
  put(files / "here", "x");
  EXPECT_EQ(value("secret:here"),
            "secret:here: there is no file here in the service's systemd credentials: the admin "
            "has to put the secret there (mode 0600)");
  put(files / "secrets.toml", "source = []");
  EXPECT_EQ(value("secret:both"),
            "secrets.toml:1:1: unknown key \"source\"; did you mean \"sources\"?");
  put(files / "secrets.toml", "", 0644);
  EXPECT_EQ(value("secret:both"),
            "the file secrets.toml in secrets/ of the state folder has mode 0644, not 0400 or "
            "0600: chmod 600 it");
}

constexpr const char* kStore =
    "[store.http]\naddress = \"https://s\"\nrole_id = \"r\"\n[store.http.secrets]\n"
    "both = { path = \"p\", field = \"f\" }\n";

TEST_F(SecretSources, AskAStoreLastAndForSecretsAlone) {
  put(files / "secrets.toml", kStore);
  EXPECT_EQ(value("secret:both"), "in the store: p#f");
  EXPECT_EQ(value("secret:other"),
            "secret:other: there is no file other in secrets/ of the state folder nor in the "
            "service's systemd credentials, and [store.http.secrets] does not list it: the admin "
            "has to put the secret there (mode 0600)");
  EXPECT_NE(value("ca:both").find("there is no file ca.both"), std::string::npos);
  put(unit / "both", "of the unit");
  EXPECT_EQ(value("secret:both"), "of the unit");
  put(files / "secrets.toml", std::string("sources = [\"store\", \"files\"]\n") + kStore);
  EXPECT_EQ(value("secret:both"), "in the store: p#f");
  EXPECT_EQ(sources.store().take()->host, "s");
}

TEST_F(SecretSources, HaveFilesThatNoProfileCanName) {
  put(unit / "store.secret-id", "of the unit\n");
  EXPECT_EQ(sources.own_file("store.secret-id").take().expose(), "of the unit");
  EXPECT_EQ(value("secret:store.secret-id"), "secret:store.secret-id names no secret");
  EXPECT_EQ(sources.own_file("store.ca").error().what,
            "[store.http] needs the file store.ca, which is not in secrets/ of the state folder "
            "nor in the "
            "service's systemd credentials: the admin has to put it there (mode 0600)");
}

TEST_F(SecretSources, SayWhichFileIsMissing) {
  EXPECT_EQ(value("secret:ci-token"),
            "secret:ci-token: there is no file ci-token in secrets/ of the state folder nor in "
            "the service's systemd credentials: the admin has to put the secret there (mode "
            "0600)");
  const Sources alone(open_folder(files.path()), UniqueFd());
  EXPECT_EQ(alone.find("ca:team").error().what,
            "ca:team: there is no file ca.team in secrets/ of the state folder: the admin has to "
            "put the secret there (mode 0600)");
}

TEST_F(SecretSources, RefuseWhatOthersCouldReadOrHaveWritten) {
  const std::string start = "the file t in secrets/ of the state folder ";
  for (const auto& [mode, word] :
       {std::pair{0644U, "0644"}, {0640U, "0640"}, {0700U, "0700"}, {04600U, "4600"}}) {
    put(files / "t", "x", mode);
    EXPECT_EQ(value("secret:t"), start + "has mode " + word + ", not 0400 or 0600: chmod 600 it");
  }
  // A place that has it, but wrongly, is not passed over.
  put(unit / "t", "of the unit");
  EXPECT_NE(value("secret:t"), "of the unit");
  put(files / "real", "x");
  (void)unlink((files / "t").c_str());
  ASSERT_EQ(symlink("real", (files / "t").c_str()), 0);
  EXPECT_EQ(value("secret:t"), start + "is a symbolic link: put the file itself there");
  (void)unlink((files / "t").c_str());
  ASSERT_EQ(mkfifo((files / "t").c_str(), 0600), 0);
  EXPECT_EQ(value("secret:t"), start + "is no regular file: put one there that holds the secret");
}

TEST_F(SecretSources, RefuseWhatIsNoSecretInSize) {
  put(files / "t", std::string(kMaxSecret + 1, 'x'));
  EXPECT_EQ(value("secret:t"),
            "the file t in secrets/ of the state folder is larger than 64 KiB: a secret is not");
  for (const char* nothing : {"", "\n"}) {
    put(files / "t", nothing);
    EXPECT_EQ(value("secret:t"),
              "the file t in secrets/ of the state folder is empty: write the secret into it");
  }
}

TEST_F(SecretSources, RefuseAnotherOwnersFile) {
  REQUIRE_GUARANTEE("recorder-separate", geteuid() == 0, "an ordinary user gives no file away");
  put(files / "t", "x");
  EXPECT_EQ(value("secret:t"), "x");
  ASSERT_EQ(chown((files / "t").c_str(), 12345, 12345), 0);
  EXPECT_EQ(value("secret:t"),
            "the file t in secrets/ of the state folder belongs to uid 12345, who could change "
            "it: chown it to the owner of its folder");
}

TEST_F(SecretSources, TakeNoNameThatLeadsAway) {
  put(files / "t", "x");
  for (const char* from : {"secret:../t", "secret:./t", "secret:", "t", "secret:T", "secret:-t",
                           "ca:../t", "secret:secrets.toml", "file:t", ""}) {
    EXPECT_NE(value(from).find("names no secret"), std::string::npos) << from;
  }
  EXPECT_FALSE(sources.find("secret:" + std::string(64, 'a')).ok());
  EXPECT_FALSE(sources.find(std::string_view("secret:t\0", 9)).ok());
}

}  // namespace
}  // namespace carrel::secrets
