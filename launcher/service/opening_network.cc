// An opening's network: loopback alone, or a way out through a gateway.

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/plan/trust.h"
#include "launcher/service/network_settings.h"
#include "launcher/service/opener.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr const char* kTrustFolder = "trust";

uint32_t random_number() {
  uint32_t number = 0;
  (void)!getrandom(&number, sizeof number, 0);
  return number;
}

/// From its beginning; the gateway may have taken to lying about its length.
Status copy_whole(int from, int to) {
  constexpr off_t kMost = off_t{16} << 20;
  std::array<char, 65536> part{};
  for (off_t at = 0; at < kMost;) {
    const ssize_t got = pread(from, part.data(), part.size(), at);
    if (got < 0) return errno_error("read the gateway's certificates");
    if (got == 0) return Done{};
    if (write(to, part.data(), static_cast<size_t>(got)) != got) {
      return errno_error("write the workspace's certificates");
    }
    at += got;
  }
  return Error{"the gateway's certificates are too long", EFBIG};
}

}  // namespace

Result<protocol::GatewayConfig> Opener::gateway_config() const {
  ASSIGN_OR_RETURN(const NetworkSettings settings,
                   read_network_settings(tools_.state.directory.get()));
  protocol::GatewayConfig config;
  config.set_session(opening_.spec.session());
  config.set_task(opening_.spec.task());
  config.set_canonical(opening_.spec.canonical());
  config.set_profile_path(opening_.spec.profile_path());
  *config.mutable_rule_lines() = opening_.spec.rule_lines();
  for (const std::string& resolver : settings.resolvers)
    config.add_resolvers(resolver);
  config.set_proxy(settings.proxy);
  for (const std::string& prefix : settings.nat64)
    config.add_nat64(prefix);
  if (plan::inspects(opening_.profile)) {
    ASSIGN_OR_RETURN(*config.mutable_roots(), read_roots(settings));
  }
  config.set_max_duration_s(opening_.profile.session.max_duration_s);
  config.set_window(random_number());
  return config;
}

/// The list of what the workspace's synthetic addresses mean, which goes with the workspace.
Result<UniqueFd> Opener::open_names() const {
  constexpr const char* kNames = "names";
  UniqueFd file(
      openat(workspace_->folder_fd(), kNames, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error("open the workspace's list of names");
  struct stat what {};
  if (fstat(file.get(), &what) != 0 || !S_ISREG(what.st_mode)) {
    return Error{"the workspace's list of names is no file", EINVAL};
  }
  return file;
}

/// Those that the workspace shows of the host's /etc.
std::vector<std::string> Opener::trust_places() const {
  std::vector<std::string> out;
  const auto add = [&](std::string_view place) {
    const std::string path = "/" + std::string(place);
    const bool shown = std::any_of(
        tools_.facts.etc.begin(), tools_.facts.etc.end(), [&](const plan::EtcEntry& entry) {
          return entry.directory && path.starts_with("/etc/" + entry.path + "/");
        });
    struct stat what {};
    if (shown && lstat(path.c_str(), &what) == 0 && S_ISREG(what.st_mode)) out.push_back(path);
  };
  for (const std::string_view place : plan::kBundlePlaces)
    add(place);
  for (const std::string_view place : plan::kJavaPlaces)
    add(place);
  return out;
}

/// The gateway's files in a folder of the workspace's, new for every session: certificates, no key.
Status Opener::make_trust() {
  if (!way_out_.has_value() || way_out_->trust().empty()) return Done{};
  const int workspace = workspace_->folder_fd();
  if (mkdirat(workspace, kTrustFolder, 0755) != 0 && errno != EEXIST) {
    return errno_error("make the folder of the workspace's certificates");
  }
  ASSIGN_OR_RETURN(const UniqueFd folder,
                   open_beneath(workspace, kTrustFolder, O_RDONLY | O_DIRECTORY));
  const std::string_view names[] = {plan::kBundleName, plan::kAuthorityName, plan::kJavaStoreName};
  for (size_t i = 0; i < std::size(names); ++i) {
    const std::string name(names[i]);
    if (unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
      return errno_error("replace a file of the workspace's certificates");
    }
    const UniqueFd file(openat(folder.get(), name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
    if (!file.valid()) return errno_error("make a file of the workspace's certificates");
    RETURN_IF_ERROR(copy_whole(way_out_->trust()[i].get(), file.get()));
  }
  return Done{};
}

Result<UniqueFd> Opener::trust_source(plan::SourceKind kind) const {
  std::string path(kTrustFolder);
  if (kind == plan::SourceKind::kTrustBundle) path += "/" + std::string(plan::kBundleName);
  if (kind == plan::SourceKind::kTrustJavaStore) path += "/" + std::string(plan::kJavaStoreName);
  ASSIGN_OR_RETURN(const UniqueFd place, open_beneath(workspace_->folder_fd(), path, O_PATH));
  return kernel::clone_tree(place.get(), kernel::Tree::kOne);
}

int Opener::network_fd() const {
  return way_out_.has_value() ? way_out_->network_fd() : network_.get();
}

/// Both programs work beside the steps that follow, where they were not made ready before.
Status Opener::start_network() {
  if (opening_.profile.networks.empty()) return Done{};
  if (opening_.way.has_value()) {  // and stays so: begin_network() asks
    way_out_ = std::move(opening_.way);
    return Done{};
  }
  return start_way_out();
}

Status Opener::start_way_out() {
  const uid_t gateway = plan::uid_plan(tools_.facts, opening_.uid_base).gateway_host();
  ASSIGN_OR_RETURN(WayOut way, WayOut::start(tools_.programs.folder, tools_.porter, gateway));
  way_out_.emplace(std::move(way));
  return Done{};
}

/// From here on the gateway knows whose it is; what it has to make is waited for in try_network().
/// Of a way out that was ready and has failed since then, another one takes the place.
Status Opener::begin_network() {
  if (!way_out_.has_value()) {
    ASSIGN_OR_RETURN(network_, kernel::new_network());
    return Done{};
  }
  ASSIGN_OR_RETURN(const UniqueFd names, open_names());
  ASSIGN_OR_RETURN(gateway_config_, gateway_config());
  const bool was_ready = opening_.way.has_value();
  const Status begun = way_out_->begin(gateway_config_, names.get());
  if (begun.ok() || !was_ready) return begun;
  tools_.log("ways.failed session=" + opening_.spec.session() +
             " why=" + quoted(to_string(begun.error())));
  end_way_out();
  RETURN_IF_ERROR(start_way_out());
  return way_out_->begin(gateway_config_, names.get());
}

/// Nothing runs inside before hear_trial() has said that this went well.
Status Opener::try_network() {
  if (!way_out_.has_value()) return Done{};
  RETURN_IF_ERROR(way_out_->hear_gateway());
  RETURN_IF_ERROR(make_trust());
  return way_out_->begin_trial(plan_.uids.payload_host());
}

}  // namespace carrel::service
