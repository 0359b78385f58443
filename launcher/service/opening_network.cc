// An opening's network: loopback alone, or a way out through a gateway.

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/box/kernel/network.h"
#include "launcher/service/network_settings.h"
#include "launcher/service/opener.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

uint32_t random_number() {
  uint32_t number = 0;
  (void)!getrandom(&number, sizeof number, 0);
  return number;
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

int Opener::network_fd() const {
  return way_out_.has_value() ? way_out_->network_fd() : network_.get();
}

Status Opener::make_network() {
  if (opening_.profile.networks.empty()) {
    ASSIGN_OR_RETURN(network_, kernel::new_network());
    return Done{};
  }
  ASSIGN_OR_RETURN(WayOut way, WayOut::make(tools_.programs.folder));
  way_out_.emplace(std::move(way));
  ASSIGN_OR_RETURN(UniqueFd names, open_names());
  ASSIGN_OR_RETURN(const protocol::GatewayConfig config, gateway_config());
  const uid_t gateway = tools_.facts.root ? plan_.uids.gateway_host() : 0;
  RETURN_IF_ERROR(way_out_->start_gateway(tools_.porter, gateway, config, std::move(names)));
  return way_out_->try_from_inside(tools_.facts.root ? plan_.uids.payload_host() : 0);
}

}  // namespace carrel::service
