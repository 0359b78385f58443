#include "broker/service/people/standalone.h"

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
