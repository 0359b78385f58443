#include "broker/service/people/standalone.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace carrel::people {

std::string local_person(uid_t uid) {
  return std::string(kLocal) + ":" + std::to_string(uid);
}

std::string local_task(std::string_view profile) {
  return std::string(kLocal) + "/" + std::string(profile);
}

Status register_local(store::Catalogue& catalogue, uid_t uid) {
  return catalogue.register_person({local_person(uid), std::string(kLocal), uid});
}

Status register_owners(store::Catalogue& catalogue) {
  ASSIGN_OR_RETURN(const std::vector<store::SessionRow> rows, catalogue.sessions());
  for (const store::SessionRow& row : rows) {
    uid_t uid = 0;
    const std::string_view digits =
        std::string_view(row.person).substr(std::min(row.person.size(), kLocal.size() + 1));
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), uid);
    // Only the one spelling that local_person() writes is a person of this machine.
    if (failed != std::errc() || row.person != local_person(uid)) continue;
    RETURN_IF_ERROR(register_local(catalogue, uid));
  }
  return Done{};
}

Result<Actor> load_actor(store::Catalogue& catalogue, uid_t uid) {
  Actor actor;
  actor.peer_uid = uid;
  ASSIGN_OR_RETURN(actor.person, catalogue.person(local_person(uid)));
  ASSIGN_OR_RETURN(const std::vector<std::string> words, catalogue.roles(local_person(uid)));
  for (const std::string& word : words) {
    if (const auto role = role_from(word)) actor.roles.insert(*role);
  }
  return actor;
}

}  // namespace carrel::people
