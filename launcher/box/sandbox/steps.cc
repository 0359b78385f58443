#include "launcher/box/sandbox/steps.h"

namespace carrel::sandbox {

const char* step_name(Step step) {
  switch (step) {
    case Step::kWaitForMaps:
      return "wait for the id maps";
    case Step::kBecomeInit:
      return "become init's uid";
    case Step::kPrivateMounts:
      return "make mounts private";
    case Step::kAttachRoot:
      return "attach the root";
    case Step::kEnterRoot:
      return "enter the root";
    case Step::kMount:
      return "mount";
    case Step::kMakeReadOnly:
      return "make read-only";
    case Step::kOpenTerminal:
      return "open the inner terminal";
    case Step::kSendTerminal:
      return "hand the inner terminal to the session";
    case Step::kPivot:
      return "pivot_root";
    case Step::kDetachOldRoot:
      return "detach the host's root";
    case Step::kHostname:
      return "set the host name";
    case Step::kKeyring:
      return "join a new keyring";
    case Step::kCapabilities:
      return "keep init's capabilities";
    case Step::kDescriptors:
      return "lay out init's descriptors";
    case Step::kExecInit:
      return "execute carrel-init";
  }
  return "unknown step";
}

}  // namespace carrel::sandbox
