// What `carrel ssh-config` prints, as text and as OpenSSH itself and a shell read it.

#include "launcher/cli/ssh/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/folder.h"

namespace carrel::ssh_cli {
namespace {

using ::testing::HasSubstr;

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::array<char, 1024> buffer{};
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), got);
  pclose(pipe);
  return out;
}

/// ssh doubles the backslashes of what it shows.
std::string as_shown(std::string path) {
  for (size_t at = 0; (at = path.find('\\', at)) != std::string::npos; at += 2)
    path.insert(at, 1, '\\');
  return path;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A place with everything in its name that somebody has to quote, and a program there which writes
/// down what it is called with.
class Place {
 public:
  explicit Place(const std::string& name) : folder_(top_ / name) {
    std::filesystem::create_directories(folder_);
    places_ = {
        folder_ + "/carrel", {{"XDG_STATE_HOME", folder_}}, folder_ + "/state", folder_ + "/keys"};
    write_program(0);
  }

  void write_program(int code) const {
    std::ofstream(places_.carrel) << "#!/bin/sh\nfor word in \"$XDG_STATE_HOME\" \"$@\"; do "
                                     "printf '<%s>' \"$word\"; done >> "
                                  << (top_ / "log") << "\nexit " << code << "\n";
    std::filesystem::permissions(places_.carrel, std::filesystem::perms(0755));
  }
  /// What ssh says; its own configuration and the user's are left out.
  [[nodiscard]] std::string ssh(const std::string& words) const {
    const auto block = config_block(places_, "fix");
    if (!block.ok()) return to_string(block.error());
    std::ofstream(top_ / "config") << block.value();
    return run("SHELL=/bin/sh ssh -F " + (top_ / "config") + " " + words + " 2>&1");
  }
  [[nodiscard]] std::string called() const { return slurp(top_ / "log"); }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const ConfigPlaces& places() const { return places_; }
  [[nodiscard]] std::string call(const std::string& way) const {
    return "<" + folder_ + "><connect><--state><" + folder_ + "/state><" + way + "><fix>";
  }

 private:
  support::Folder top_;
  std::string folder_;
  ConfigPlaces places_;
};

TEST(SshConfig, IsThisText) {
  const auto block =
      config_block({"/usr/bin/carrel", {}, "", "/home/c/.local/state/carrel-ssh"}, "fix");
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block.value(),
            R"(# carrel: task local/fix; made by `carrel ssh-config fix`
Match originalhost carrel-fix !exec "'/usr/bin/carrel' connect --prepare fix"
  ProxyCommand false
Host carrel-fix
  User contractor
  HostKeyAlias carrel-fix
  ProxyCommand '/usr/bin/carrel' connect --stdio fix
  IdentityFile "/home/c/.local/state/carrel-ssh/carrel-fix/key"
  CertificateFile "/home/c/.local/state/carrel-ssh/carrel-fix/key-cert.pub"
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  UserKnownHostsFile "/home/c/.local/state/carrel-ssh/carrel-fix/known_hosts"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  HostKeyAlgorithms ssh-ed25519
  KexAlgorithms curve25519-sha256
  ServerAliveInterval 15
)");
}

TEST(SshConfig, SaysWhatWasSaidOfTheState) {
  const auto block = config_block(
      {"/b/carrel", {{"CARREL_SERVICE", "/run/c"}, {"XDG_STATE_HOME", "/x y"}}, "/s", "/k"}, "fix");
  ASSERT_TRUE(block.ok());
  EXPECT_THAT(block.value(),
              HasSubstr("  ProxyCommand env CARREL_SERVICE='/run/c' XDG_STATE_HOME='/x y' "
                        "'/b/carrel' connect --state '/s' --stdio fix\n"));
}

TEST(SshConfig, IsReadBySshAndTheShellAsItWasMeant) {
  for (const char* name : {"plain", "a space", "100%h", "it's", "say \"it\"", "back\\slash",
                           "end\\", "$HOME `id` $(id)", "# ; & * ?", "tab'%%'\"\\'"}) {
    const Place place(name);
    const std::string shown = place.ssh("-G carrel-fix");
    EXPECT_EQ(place.called(), place.call("--prepare")) << shown;
    EXPECT_THAT(shown, HasSubstr("\nuser contractor\n"));
    EXPECT_THAT(shown, HasSubstr("\nhostkeyalias carrel-fix\n"));
    EXPECT_THAT(shown, HasSubstr("\nstricthostkeychecking true\n"));
    const std::string said = place.ssh("-v carrel-fix true");
    EXPECT_EQ(place.called(),
              place.call("--prepare") + place.call("--prepare") + place.call("--stdio"))
        << said;
    const std::string keys = as_shown(place.folder() + "/keys/carrel-fix/");
    EXPECT_THAT(said, HasSubstr("identity file " + keys + "key type"));
    EXPECT_THAT(said, HasSubstr("certificate file " + keys + "key-cert.pub type"));
  }
}

TEST(SshConfig, ConnectsNowhereWhatCouldNotBePrepared) {
  const Place place("it's");
  place.write_program(121);
  EXPECT_THAT(place.ssh("-G carrel-fix"), HasSubstr("\nproxycommand false\n"));
  const std::string said = place.ssh("-v carrel-fix true");
  EXPECT_EQ(place.called(), place.call("--prepare") + place.call("--prepare")) << said;
}

TEST(SshConfig, ConcernsItsAliasAlone) {
  const Place place("plain");
  EXPECT_THAT(place.ssh("-G carrel-fix2"), testing::Not(HasSubstr("contractor")));
  EXPECT_THAT(place.ssh("-G elsewhere.example"), testing::Not(HasSubstr("proxycommand")));
  EXPECT_EQ(place.called(), "");
}

TEST(SshConfig, RefusesPathsThatItCannotSay) {
  for (const char* bad : {"/a\nHost *", "/a\x7f", "/a\x1b", "/${HOME}"}) {
    const std::string path(bad);
    for (const ConfigPlaces& places :
         {ConfigPlaces{path, {}, "", "/k"},
          ConfigPlaces{"/c", {{"XDG_STATE_HOME", path}}, "", "/k"},
          ConfigPlaces{"/c", {}, path, "/k"}, ConfigPlaces{"/c", {}, "", path}}) {
      const auto block = config_block(places, "fix");
      ASSERT_FALSE(block.ok());
      EXPECT_THAT(block.error().what, HasSubstr("use another folder"));
    }
  }
}

}  // namespace
}  // namespace carrel::ssh_cli
