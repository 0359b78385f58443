#include "launcher/cli/ssh/config.h"

#include <algorithm>

#include "profiles/base/text.h"

namespace carrel::ssh_cli {
namespace {

std::string with_percents_doubled(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '%') out += c;
  }
  return out;
}

/// A line feed would end the line, and "${" is looked up in the environment without a way to say
/// that it is meant.
Status check_path(std::string_view path) {
  const bool control = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!control && path.find("${") == std::string_view::npos) return Done{};
  return Error{"the path " + quoted(path) +
               " holds control characters or \"${\", which ssh's configuration cannot say: use "
               "another folder"};
}

std::string command_of(const ConfigPlaces& places, std::string_view way, std::string_view name) {
  std::string out;
  if (!places.environment.empty()) out += "env ";
  for (const auto& [key, value] : places.environment)
    out += key + "=" + shell_word(value) + " ";
  out += shell_word(places.carrel) + " connect ";
  if (!places.state.empty()) out += "--state " + shell_word(places.state) + " ";
  out += std::string(way) + " " + std::string(name);
  return with_percents_doubled(out);
}

}  // namespace

std::string alias_of(std::string_view name) {
  return "carrel-" + std::string(name);
}

std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '"' || c == '\\') {
      out += "'$(awk -v c=%c 'BEGIN{printf c," + std::to_string(int{c}) + "}')'";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string config_word(std::string_view path) {
  std::string out = "\"";
  for (const char c : with_percents_doubled(path)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Result<std::string> config_block(const ConfigPlaces& places, std::string_view name) {
  for (const std::string* path : {&places.carrel, &places.state, &places.keys})
    RETURN_IF_ERROR(check_path(*path));
  for (const auto& [key, value] : places.environment)
    RETURN_IF_ERROR(check_path(value));
  const std::string alias = alias_of(name);
  const std::string folder = places.keys + "/" + alias;
  std::string out;
  out += "# carrel: task local/" + std::string(name) + "; made by `carrel ssh-config " +
         std::string(name) + "`\n";
  // What is said first holds: where nothing can be prepared, its one sentence is enough.
  out +=
      "Match originalhost " + alias + " !exec \"" + command_of(places, "--prepare", name) + "\"\n";
  out += "  ProxyCommand false\n";
  out += "Host " + alias + "\n";
  out += "  User contractor\n";
  out += "  HostKeyAlias " + alias + "\n";
  out += "  ProxyCommand " + command_of(places, "--stdio", name) + "\n";
  out += "  IdentityFile " + config_word(folder + "/key") + "\n";
  out += "  CertificateFile " + config_word(folder + "/key-cert.pub") + "\n";
  out += "  IdentitiesOnly yes\n";
  out += "  IdentityAgent none\n";
  out += "  PreferredAuthentications publickey\n";
  out += "  UserKnownHostsFile " + config_word(folder + "/known_hosts") + "\n";
  out += "  GlobalKnownHostsFile /dev/null\n";
  out += "  StrictHostKeyChecking yes\n";
  out += "  UpdateHostKeys no\n";
  out += "  HostKeyAlgorithms ssh-ed25519\n";
  out += "  KexAlgorithms curve25519-sha256\n";
  out += "  ServerAliveInterval 15\n";
  return out;
}

}  // namespace carrel::ssh_cli
