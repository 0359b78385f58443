#include "broker/service/people/standalone.h"

#include <algorithm>
#include <charconv>
#include <set>
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

Subject local_subject(const std::string& person) {
  return {person, std::string(kLocal), ""};
}

Status register_owner(store::Catalogue& catalogue, uid_t uid) {
  RETURN_IF_ERROR(register_local(catalogue, uid));
  return catalogue.grant_role(local_person(uid), std::string(to_word(Role::kAdmin)));
}

std::optional<uid_t> local_uid(std::string_view person) {
  uid_t uid = 0;
  const std::string_view digits = person.substr(std::min(person.size(), kLocal.size() + 1));
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), uid);
  if (failed != std::errc() || person != local_person(uid)) return std::nullopt;
  return uid;
}

Status register_owners(store::Catalogue& catalogue) {
  ASSIGN_OR_RETURN(const std::vector<store::SessionRow> rows, catalogue.sessions());
  std::set<uid_t> uids;
  for (const store::SessionRow& row : rows) {
    if (const auto uid = local_uid(row.person)) uids.insert(*uid);
  }
  for (const uid_t uid : uids)
    RETURN_IF_ERROR(register_local(catalogue, uid));
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
