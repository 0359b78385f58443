#include "broker/programs/token_keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "broker/service/credentials/key_schedule.h"
#include "broker/service/store/files.h"
#include "profiles/base/secret.h"
#include "profiles/base/text.h"
#include "profiles/parse/problems.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::programs {
namespace {

using credentials::Alg;

constexpr size_t kMaxKeyFile = 16384;
constexpr size_t kMaxIssuerFile = 4096;
constexpr const char* kIssuerFile = "issuer.toml";
constexpr const char* kKeysFile = "jwks.json";
constexpr const char* kDocument = "openid-configuration";

std::string file_prefix(Alg alg) {
  switch (alg) {
    case Alg::kEdDsa:
      return "tokens.ed25519";
    case Alg::kEs256:
      return "tokens.es256";
    case Alg::kRs256:
      return "tokens.rs256";
  }
  return "";
}

struct KeyFile {
  std::string name;
  uint64_t made = 0;
};

/// When the key of that file was made; none for another algorithm's file and for what is no key's.
std::optional<uint64_t> made_of(Alg alg, std::string_view name) {
  const std::string prefix = file_prefix(alg);
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view rest = name.substr(prefix.size());
  if (rest.empty()) return alg == Alg::kEdDsa ? std::optional<uint64_t>(0) : std::nullopt;
  uint64_t made = 0;
  const auto [end, failed] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), made);
  if (rest.front() != '.' || failed != std::errc() || end != rest.data() + rest.size()) {
    return std::nullopt;
  }
  return made;
}

Result<std::vector<KeyFile>> list_keys(int keys_fd, Alg alg) {
  std::vector<KeyFile> found;
  RETURN_IF_ERROR(store::list_folder(keys_fd, [&](const std::string& name) {
    if (const auto made = made_of(alg, name)) found.push_back({name, *made});
  }));
  std::sort(found.begin(), found.end(),
            [](const KeyFile& a, const KeyFile& b) { return a.made < b.made; });
  return found;
}

Status make_key(int keys_fd, Alg alg, uint64_t now_s, std::vector<KeyFile>& files) {
  // One that is made in the second of another, or by a clock that went back, comes after it.
  const uint64_t made = files.empty() ? now_s : std::max(now_s, files.back().made + 1);
  const std::string name = file_prefix(alg) + "." + std::to_string(made);
  ASSIGN_OR_RETURN(const Secret key, credentials::TokenKey::generate(alg));
  RETURN_IF_ERROR(store::replace_file(keys_fd, name, key.expose(), 0600));
  files.push_back({name, made});
  return Done{};
}

std::vector<uint64_t> times_of(const std::vector<KeyFile>& files) {
  std::vector<uint64_t> made;
  for (const KeyFile& file : files)
    made.push_back(file.made);
  return made;
}

Status add_keys(int keys_fd, Alg alg, uint64_t now_s, credentials::KeyRing& ring) {
  ASSIGN_OR_RETURN(std::vector<KeyFile> files, list_keys(keys_fd, alg));
  const credentials::KeyPlan plan = credentials::plan_keys(times_of(files), now_s);
  for (const size_t gone : plan.gone) {
    if (unlinkat(keys_fd, files[gone].name.c_str(), 0) != 0)
      return errno_error("remove keys/" + files[gone].name);
  }
  files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(plan.gone.size()));
  if (plan.make_new) RETURN_IF_ERROR(make_key(keys_fd, alg, now_s, files));
  for (const KeyFile& file : files) {
    ASSIGN_OR_RETURN(std::string bytes, store::read_file(keys_fd, file.name, kMaxKeyFile));
    auto key = credentials::TokenKey::read(alg, Secret(std::move(bytes)));
    if (!key.ok()) return Error{"keys/" + file.name + ": " + key.error().what};
    ring.add(key.take(), file.made);
  }
  return Done{};
}

/// Takes one line of the file; an Error says what is wrong with its value.
Status take_name(const std::string& key, const parse::Value& value,
                 credentials::IssuerNames& names) {
  if (value.kind != parse::Value::Kind::kString) return Error{key + " is no text"};
  const bool is_issuer = key == "issuer";
  RETURN_IF_ERROR(is_issuer ? credentials::check_issuer_name(value.text)
                            : credentials::check_introspection_url(value.text));
  (is_issuer ? names.issuer : names.introspection) = value.text;
  return Done{};
}

Result<credentials::IssuerNames> parse_issuer(std::string_view text) {
  parse::Problems problems;
  parse::Value root;
  if (!parse::read_toml(text, 0, root, problems)) return problems.to_error(kIssuerFile);
  credentials::IssuerNames names;
  for (const parse::Member& member : root.members) {
    if (member.key != "issuer" && member.key != "introspection") {
      problems.add(member.where, "unknown key \"" + quoted(member.key) +
                                     "\"; there are but \"issuer\" and \"introspection\"");
    } else if (const Status taken = take_name(member.key, member.value, names); !taken.ok()) {
      problems.add(member.value.where, taken.error().what);
    }
  }
  if (!problems.empty()) return problems.to_error(kIssuerFile);
  if (names.issuer.empty()) return Error{"issuer.toml: write issuer = \"https://HOST\""};
  return names;
}

Status remove(int folder_fd, const char* name) {
  if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT) return Done{};
  return errno_error("remove " + std::string(name));
}

}  // namespace

Result<credentials::KeyRing> open_token_keys(int keys_fd, bool federated, uint64_t now_s) {
  credentials::KeyRing ring;
  for (const Alg alg : credentials::kAlgs) {
    if (federated || alg == Alg::kEdDsa) RETURN_IF_ERROR(add_keys(keys_fd, alg, now_s, ring));
  }
  return ring;
}

Result<credentials::IssuerNames> read_issuer_names(int store_fd) {
  struct stat folder {};
  struct stat file {};
  if (fstat(store_fd, &folder) != 0) return errno_error("stat the state folder");
  if (fstatat(store_fd, kIssuerFile, &file, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return credentials::IssuerNames{};
    return errno_error("stat issuer.toml in the state folder");
  }
  if (!S_ISREG(file.st_mode) || file.st_uid != folder.st_uid || (file.st_mode & 022) != 0) {
    return Error{
        "issuer.toml in the state folder has to be a file of the folder's owner that "
        "nobody else may write: chown and chmod 0644 it"};
  }
  ASSIGN_OR_RETURN(const std::string text, store::read_file(store_fd, kIssuerFile, kMaxIssuerFile));
  return parse_issuer(text);
}

Status replace_if_other(int folder_fd, const char* name, const std::string& text) {
  const auto there = store::read_file(folder_fd, name, text.size());
  if (there.ok() && there.value() == text) return Done{};
  return store::replace_file(folder_fd, name, text, 0644);
}

Status publish_issuer(int store_fd, const credentials::IssuerNames& names,
                      const std::string& jwks) {
  if (names.issuer.empty() && faccessat(store_fd, "issuer", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    return Done{};
  ASSIGN_OR_RETURN(const UniqueFd folder, store::make_folder(store_fd, "issuer", 0755));
  ASSIGN_OR_RETURN(const UniqueFd below, store::make_folder(folder.get(), ".well-known", 0755));
  if (names.issuer.empty()) {
    RETURN_IF_ERROR(remove(below.get(), kDocument));
    return remove(folder.get(), kKeysFile);
  }
  RETURN_IF_ERROR(replace_if_other(folder.get(), kKeysFile, jwks));
  return replace_if_other(below.get(), kDocument, credentials::discovery_text(names));
}

}  // namespace carrel::programs
