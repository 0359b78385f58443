#pragma once
// The state folder as the launcher keeps it: who owns what, the lock for life, the sockets.

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// Everything the launcher holds of a state folder.
struct State {
  std::string path;    // as a person would type it, for messages
  UniqueFd directory;  // root's, group the broker's; sticky, so that the broker cannot replace what
                       // is not its own
  UniqueFd run;        // 0700: sockets, locks, logs
  UniqueFd workspaces;  // 0711: one folder a workspace
  UniqueFd slices;      // 0711: shared by workspaces, read-only
  UniqueFd pool;        // 0700: formatted images that nobody uses yet
  UniqueFd vault;       // 0700: the workspaces' keys
  UniqueFd lock;        // run/launcher.lock, held for life
  UniqueFd sockets;     // of a service: the folder with its sockets, else invalid: they are in run/
  UniqueFd startup;  // run/startup.lock: shared by whoever is about to ask us, exclusive by whoever
                     // starts a launcher, or ends one that nobody needs
  UniqueFd log;      // run/launcher.log
  UniqueFd broker_log;  // run/broker.log
  UniqueFd launcher_listener;
  UniqueFd broker_listener;
  UniqueFd secrets;      // 0700: what credentials are taken from
  UniqueFd credentials;  // of a service: what systemd gave its unit, where it gave any
};

/// Whose service this is: root's, with a group of the broker's own, or an ordinary caller's, who is
/// uid 0 of a user namespace of their own, and the broker with them.
enum class StateOwner { kRoot, kCaller };

/// Prepares the folder behind `state_fd` (taken): modes, lock, logs, then both sockets, replacing
/// those of a launcher that died; waits 40 s for one that is ending. EWOULDBLOCK when another
/// launcher serves this folder. A folder that holds anything and was never a state folder is an
/// Error, and left as it is: `--state /` must not cost a host its root folder's mode. As root, if
/// only of a user namespace. With `sockets` (taken, of a service) both are made there, for every
/// user of the host to connect to, and run/ gets links to them, for who names the state folder.
Result<State> open_state(UniqueFd state_fd, StateOwner owner, UniqueFd sockets = UniqueFd());

/// Of a service: copies trust.policy, which the broker has made, beside the sockets, so that users
/// can check their own records by it. It holds public keys.
Status publish_policy(const State& state);

/// Removes both sockets' names: nobody finds this launcher any more.
void remove_sockets(const State& state);

/// Accepts one connection from a listener; nothing when there is none (any more).
UniqueFd accept_from(int listener_fd);

}  // namespace carrel::service
