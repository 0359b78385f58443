#pragma once
// Who is who on a machine with a broker of its own: every local user is a person, registered by
// their first opening (interfaces.md 6).

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "broker/service/people/may.h"
#include "broker/service/store/catalogue.h"
#include "profiles/base/result.h"

namespace carrel::people {

inline constexpr std::string_view kLocal = "local";

/// "local:1000".
std::string local_person(uid_t uid);
/// A person of this machine, as what a request is about.
Subject local_subject(const std::string& person);
/// The uid of such a name, spelled exactly as local_person() does; nothing for any other.
std::optional<uid_t> local_uid(std::string_view person);
/// "local/<profile name>".
std::string local_task(std::string_view profile);

/// Registers the person of this uid; nothing happens when they are known.
Status register_local(store::Catalogue& catalogue, uid_t uid);
/// Registers the owner of the state folder, who is its admin.
Status register_owner(store::Catalogue& catalogue, uid_t uid);
/// Registers everybody whom a session of the catalogue names, after it was rebuilt from records:
/// their own sessions are theirs to see again.
Status register_owners(store::Catalogue& catalogue);
/// The uid with what the catalogue knows of it. Role words it does not know give nothing.
Result<Actor> load_actor(store::Catalogue& catalogue, uid_t uid);

}  // namespace carrel::people
