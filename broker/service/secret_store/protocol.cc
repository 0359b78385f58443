#include "broker/service/secret_store/protocol.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <utility>

#include "broker/service/secret_store/json.h"
#include "profiles/base/text.h"

namespace carrel::secret_store {
namespace {

using nlohmann::json;

constexpr size_t kMaxToken = 4096;
constexpr uint64_t kMaxLeaseS = uint64_t{10} * 365 * 24 * 3600;

/// The tree of an answer, wiped at its end.
class Tree {
 public:
  explicit Tree(const Secret& text) : json_(read_object(text.expose())) {}
  ~Tree() {
    if (json_.has_value()) wipe(*json_);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  [[nodiscard]] bool valid() const { return json_.has_value(); }
  [[nodiscard]] const json& root() const { return *json_; }

 private:
  std::optional<json> json_;
};

Secret copy(const Secret& secret) {
  return Secret(std::string(secret.expose()));
}

bool is_empty(const json* text) {
  return text == nullptr || text->is_null() ||
         (text->is_string() && text->get_ref<const std::string&>().empty());
}

std::optional<uint64_t> number_of(const json* number) {
  if (number == nullptr || !number->is_number_unsigned()) return std::nullopt;
  return number->get<uint64_t>();
}

Error strange(const std::string& what) {
  return Error{"the store's answer " + what +
                   ": is store.http.address a store with AppRole and KV version 2?",
               EPROTO};
}

/// What is the same of every question. Nothing where the status is one of the question's own.
std::optional<Error> common_failure(int status) {
  if (status >= 300 && status < 400) {
    return Error{"the store points elsewhere (" + std::to_string(status) +
                     "), which is not followed: write the address of the active node",
                 EPROTO};
  }
  if (status == 429 || status == 473) {
    return Error{"the store takes no more questions for now (" + std::to_string(status) + ")",
                 EAGAIN};
  }
  if (status == 503) {
    return Error{"the store is sealed or down for maintenance (503): its operator has to unseal it",
                 EAGAIN};
  }
  if (status >= 500) {
    return Error{"the store failed (" + std::to_string(status) + "): see its log", EAGAIN};
  }
  return std::nullopt;
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Result<Login> login_of(const json& root) {
  const json* auth = member(root, "auth");
  if (auth == nullptr || !auth->is_object()) return strange("to a login has no \"auth\"");
  const json* token = member(*auth, "client_token");
  if (token == nullptr || !token->is_string() || !is_token(token->get_ref<const std::string&>())) {
    return strange("to a login has no usable \"client_token\"");
  }
  const std::optional<uint64_t> lease = number_of(member(*auth, "lease_duration"));
  const json* renewable = member(*auth, "renewable");
  if (!lease.has_value() || renewable == nullptr || !renewable->is_boolean()) {
    return strange("to a login does not say how long it lasts");
  }
  return Login{Secret(token->get<std::string>()), std::min(*lease, kMaxLeaseS),
               renewable->get<bool>()};
}

std::string place_of(const Settings& settings, const Item& item) {
  return settings.mount + "/" + item.path;
}

Result<Value> value_of(const json& root, const Settings& settings, const Item& item) {
  if (!is_empty(member(root, "lease_id"))) {
    return Error{place_of(settings, item) +
                 " gives secrets with a lease of the store's, which is not supported yet: name an "
                 "entry of KV version 2"};
  }
  if (const json* wrap = member(root, "wrap_info"); wrap != nullptr && !wrap->is_null()) {
    return strange("is wrapped");
  }
  const json* outer = member(root, "data");
  const json* data = outer == nullptr ? nullptr : member(*outer, "data");
  const json* about = outer == nullptr ? nullptr : member(*outer, "metadata");
  const std::optional<uint64_t> version =
      about == nullptr ? std::nullopt : number_of(member(*about, "version"));
  if (data == nullptr || !data->is_object() || !version.has_value()) {
    return strange("for " + place_of(settings, item) + " has no \"data.data\" with a version");
  }
  const json* field = member(*data, item.field.c_str());
  const std::string where = "the field " + carrel::quoted(item.field) + " of " +
                            place_of(settings, item) + " in the store";
  if (field == nullptr)
    return Error{where + " is not there: write it, or name another in secrets.toml", ENOENT};
  if (!field->is_string()) return Error{where + " is no text: store the secret as a string"};
  const std::string& text = field->get_ref<const std::string&>();
  if (text.empty()) return Error{where + " is empty: write the secret into it"};
  if (text.size() > kMaxValue) return Error{where + " is larger than 64 KiB: a secret is not"};
  return Value{Secret(text), *version};
}

}  // namespace

Request login_request(const Settings& settings, const Secret& secret_id) {
  json body = {{"role_id", settings.role_id}, {"secret_id", std::string(secret_id.expose())}};
  Request request{"POST", "/v1/auth/" + settings.auth_mount + "/login", Secret(),
                  Secret(body.dump(-1, ' ', false, json::error_handler_t::replace))};
  wipe(body);
  return request;
}

Request renew_request(const Secret& token) {
  return {"POST", "/v1/auth/token/renew-self", copy(token), Secret("{}")};
}

Request read_request(const Settings& settings, const Item& item, const Secret& token) {
  return {"GET", "/v1/" + settings.mount + "/data/" + item.path, copy(token), Secret()};
}

Request revoke_request(const Secret& token) {
  return {"POST", "/v1/auth/token/revoke-self", copy(token), Secret()};
}

Result<Login> read_login(const Response& response) {
  if (auto failed = common_failure(response.status)) return *failed;
  if (response.status == 400 || response.status == 403) {
    return Error{
        "the store refuses to log in (" + std::to_string(response.status) +
            "): role_id in secrets.toml or the file store.secret-id is wrong, used up or has ended",
        EACCES};
  }
  if (response.status == 404) {
    return Error{
        "the store knows no such login (404): is auth_mount right, and AppRole enabled there?",
        ENOENT};
  }
  if (response.status != 200) return strange("to a login is " + std::to_string(response.status));
  const Tree tree(response.body);
  if (!tree.valid()) return strange("to a login is no JSON object");
  return login_of(tree.root());
}

Result<Value> read_value(const Response& response, const Settings& settings, const Item& item) {
  if (auto failed = common_failure(response.status)) return *failed;
  const std::string place = place_of(settings, item);
  if (response.status == 403) {
    return Error{"the store denies reading " + place +
                     " (403): its policy for this role has to allow \"read\" of " + settings.mount +
                     "/data/" + item.path,
                 EACCES};
  }
  if (response.status == 404) {
    return Error{
        "the store has no " + place +
            " (404): it was never written, or was deleted, or the mount is no KV version 2",
        ENOENT};
  }
  if (response.status != 200) {
    return strange("for " + place + " is " + std::to_string(response.status));
  }
  const Tree tree(response.body);
  if (!tree.valid()) return strange("for " + place + " is no JSON object");
  return value_of(tree.root(), settings, item);
}

Status read_done(const Response& response) {
  if (response.status == 200 || response.status == 204) return Done{};
  if (auto failed = common_failure(response.status)) return *failed;
  return Error{"the store refuses (" + std::to_string(response.status) + ")",
               response.status == 403 ? EACCES : EPROTO};
}

}  // namespace carrel::secret_store
