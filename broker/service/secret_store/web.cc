#include "broker/service/secret_store/web.h"

#include <curl/curl.h>
#include <string.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "profiles/base/text.h"
#include "profiles/base/wipe.h"

namespace carrel::secret_store {
namespace {

struct EndEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
/// The library's lines hold the token.
struct EndList {
  void operator()(curl_slist* list) const {
    for (curl_slist* each = list; each != nullptr; each = each->next)
      explicit_bzero(each->data, strlen(each->data));
    curl_slist_free_all(list);
  }
};
using List = std::unique_ptr<curl_slist, EndList>;

void append(List* list, std::string line) {
  curl_slist* longer = curl_slist_append(list->get(), line.c_str());
  wipe(line);
  if (longer == nullptr) return;
  (void)list->release();
  list->reset(longer);
}

std::string in_brackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

struct Web::Call {
  uint64_t number = 0;
  Request request;
  long timeout_ms = 0;
  std::unique_ptr<CURL, EndEasy> easy;
  List headers;
  List addresses;
  Secret trust;
  std::string received;  // room for the largest from the start: no copy is left behind unwiped
  bool too_large = false;
  std::array<char, CURL_ERROR_SIZE> words{};

  ~Call() { wipe(received); }

  void say_where(const std::string& host, uint16_t port, const std::vector<std::string>& found);
  void say_what(const std::string& name_space);
  bool set_options(const std::string& url);

  static size_t take(const char* bytes, size_t /*one*/, size_t count, void* self) {
    Call& call = *static_cast<Call*>(self);
    if (call.received.size() + count > kMaxResponse) {
      call.too_large = true;
      return 0;
    }
    call.received.append(bytes, count);
    return count;
  }
};

/// The library asks nobody for the name: it is told.
void Web::Call::say_where(const std::string& host, uint16_t port,
                          const std::vector<std::string>& found) {
  if (host.find(':') != std::string::npos) return;  // an address
  std::string list;
  for (const std::string& each : found)
    list += (list.empty() ? "" : ",") + in_brackets(each);
  append(&addresses, host + ":" + std::to_string(port) + ":" + list);
}

void Web::Call::say_what(const std::string& name_space) {
  append(&headers, "X-Vault-Request: true");
  append(&headers, "Accept: application/json");
  append(&headers, "Expect:");
  if (!name_space.empty()) append(&headers, "X-Vault-Namespace: " + name_space);
  if (!request.token.empty()) {
    append(&headers, "X-Vault-Token: " + std::string(request.token.expose()));
  }
  if (request.method == "POST") append(&headers, "Content-Type: application/json");
}

bool Web::Call::set_options(const std::string& url) {
  bool set = true;
  const auto option = [&](CURLoption name, auto value) {
    set = set && curl_easy_setopt(easy.get(), name, value) == CURLE_OK;
  };
  option(CURLOPT_URL, url.c_str());
  option(CURLOPT_PROTOCOLS_STR, "https");
  option(CURLOPT_PATH_AS_IS, 1L);
  option(CURLOPT_FOLLOWLOCATION, 0L);
  option(CURLOPT_PROXY, "");
  option(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  option(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  option(CURLOPT_NOSIGNAL, 1L);
  option(CURLOPT_FORBID_REUSE, 1L);
  option(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  option(CURLOPT_RESOLVE, addresses.get());
  option(CURLOPT_TIMEOUT_MS, timeout_ms);
  // Trust: the admin's CA, and not the system's, which the library was built with.
  const std::string_view pem = trust.expose();
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};  // only read
  option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  option(CURLOPT_SSL_VERIFYPEER, 1L);
  option(CURLOPT_SSL_VERIFYHOST, 2L);
  option(CURLOPT_CAINFO, static_cast<char*>(nullptr));
  option(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  option(CURLOPT_CAINFO_BLOB, &blob);
  option(CURLOPT_HTTPHEADER, headers.get());
  if (request.method == "POST") {
    const std::string_view body = request.body.expose();
    option(CURLOPT_POST, 1L);
    option(CURLOPT_POSTFIELDS, body.data());
    option(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  option(CURLOPT_WRITEFUNCTION, &Call::take);
  option(CURLOPT_WRITEDATA, this);
  option(CURLOPT_ERRORBUFFER, words.data());
  option(CURLOPT_PRIVATE, this);
  return set;
}

struct Web::Library {
  CURLM* multi = nullptr;
  ~Library() {
    if (multi != nullptr) curl_multi_cleanup(multi);
  }
};

namespace {

/// In words; `detail` are the library's.
Error failed(CURLcode code, const std::string& place, const std::string& detail) {
  const std::string why = detail.empty() ? curl_easy_strerror(code) : detail;
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return Error{"the certificate of the store at " + place + " is not to be trusted (" +
                       quoted(why) +
                       "): does store.ca hold the CA that signed it, and is it for "
                       "the name in store.http.address?",
                   EACCES};
    case CURLE_SSL_CACERT_BADFILE:
      return Error{"the file store.ca holds no certificate (PEM) that can be read"};
    case CURLE_OPERATION_TIMEDOUT:
      return Error{"the store at " + place + " did not answer in time", ETIMEDOUT};
    case CURLE_COULDNT_CONNECT:
      return Error{"the store at " + place + " cannot be reached (" + quoted(why) + ")", EAGAIN};
    default:
      return Error{"the way to the store at " + place + " failed (" + quoted(why) + ")", EAGAIN};
  }
}

}  // namespace

Web::Web(const Settings& settings, Trust trust)
    : host_(settings.host),
      port_(settings.port),
      name_space_(settings.name_space),
      trust_(std::move(trust)),
      library_(std::make_unique<Library>()) {}

Web::~Web() {
  while (!calls_.empty())
    cancel(calls_.begin()->first);
}

Result<std::unique_ptr<Web>> Web::open(const Settings& settings, Trust trust) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return Error{"libcurl cannot begin"};
  std::unique_ptr<Web> web(new Web(settings, std::move(trust)));
  web->library_->multi = curl_multi_init();
  if (web->library_->multi == nullptr) return Error{"libcurl cannot begin", ENOMEM};
  ASSIGN_OR_RETURN(web->names_, Names::open(settings.host));
  return web;
}

void Web::call(uint64_t number, Request request, uint64_t timeout_ms) {
  auto call = std::make_unique<Call>();
  call->number = number;
  call->request = std::move(request);
  call->timeout_ms = static_cast<long>(timeout_ms);
  calls_[number] = std::move(call);
  names_->ask(number);
}

void Web::cancel(uint64_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  if (found->second->easy != nullptr) {
    curl_multi_remove_handle(library_->multi, found->second->easy.get());
  }
  calls_.erase(found);
}

void Web::finish(uint64_t number, Result<Response> response) {
  cancel(number);
  finished_.push_back({number, std::move(response)});
}

/// Its addresses are known.
void Web::begin(Names::Found found) {
  const auto entry = calls_.find(found.number);
  if (entry == calls_.end()) return;  // cancelled
  Call& call = *entry->second;
  if (!found.addresses.ok()) return finish(found.number, found.addresses.take_error());
  Result<Secret> trust = trust_();
  if (!trust.ok()) return finish(found.number, trust.take_error());
  call.trust = trust.take();
  call.received.reserve(kMaxResponse);
  call.easy.reset(curl_easy_init());
  if (call.easy == nullptr) return finish(found.number, Error{"libcurl cannot begin", ENOMEM});
  const std::string authority = in_brackets(host_) + ":" + std::to_string(port_);
  call.say_where(host_, port_, found.addresses.value());
  call.say_what(name_space_);
  if (!call.set_options("https://" + authority + call.request.path) ||
      curl_multi_add_handle(library_->multi, call.easy.get()) != CURLM_OK) {
    finish(found.number, Error{"libcurl refuses the request to the store"});
  }
}

/// What the library says has ended.
void Web::collect() {
  int left = 0;
  while (const CURLMsg* said = curl_multi_info_read(library_->multi, &left)) {
    if (said->msg != CURLMSG_DONE) continue;
    Call* call = nullptr;
    long status = 0;
    (void)curl_easy_getinfo(said->easy_handle, CURLINFO_PRIVATE, &call);
    (void)curl_easy_getinfo(said->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    const std::string place = in_brackets(host_) + ":" + std::to_string(port_);
    if (call->too_large) {
      finish(call->number,
             Error{"the answer of the store at " + place + " is larger than 1 MiB", EPROTO});
    } else if (said->data.result != CURLE_OK) {
      finish(call->number, failed(said->data.result, place, call->words.data()));
    } else {
      finish(call->number, Response{static_cast<int>(status), Secret(std::move(call->received))});
    }
  }
}

void Web::begin_found() {
  for (Names::Found& found : names_->take_found())
    begin(std::move(found));
}

Status Web::wait(std::vector<pollfd>* others, int timeout_ms) {
  begin_found();
  int running = 0;
  (void)curl_multi_perform(library_->multi, &running);
  collect();
  const size_t count = others->size();
  std::vector<pollfd> polls = *others;
  timeout_ms = names_->wait_for(&polls, timeout_ms);
  if (!finished_.empty()) timeout_ms = 0;
  std::vector<curl_waitfd> waits;
  for (const pollfd& each : polls)
    waits.push_back({each.fd, each.events, 0});
  constexpr int kForEver = 1'000'000;
  const CURLMcode waited =
      curl_multi_poll(library_->multi, waits.data(), static_cast<unsigned>(waits.size()),
                      timeout_ms < 0 ? kForEver : timeout_ms, nullptr);
  if (waited != CURLM_OK && errno != EINTR) {
    return Error{std::string("wait for the network: ") + curl_multi_strerror(waited)};
  }
  // The library passes neither hang-ups nor errors on.
  if (poll(polls.data(), polls.size(), 0) < 0 && errno != EINTR) return errno_error("poll");
  for (size_t i = 0; i < count; ++i)
    (*others)[i].revents = polls[i].revents;
  polls.erase(polls.begin(), polls.begin() + static_cast<std::ptrdiff_t>(count));
  names_->go_on(polls);
  begin_found();
  (void)curl_multi_perform(library_->multi, &running);
  collect();
  return Done{};
}

}  // namespace carrel::secret_store
