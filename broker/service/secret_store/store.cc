#include "broker/service/secret_store/store.h"

#include <algorithm>
#include <cerrno>

#include "profiles/base/text.h"

namespace carrel::secret_store {

void Store::ask(uint64_t id, const Item& item, const Settings& now, uint64_t now_ms) {
  if (questions_.size() >= kMaxQuestions) {
    answers_.push_back({id, Error{"too many questions for the store are open", EAGAIN}});
    return;
  }
  Question question;
  question.id = id;
  question.item = item;
  question.settings = now;
  question.until_ms = now_ms + now.timeout_ms;
  questions_.push_back(std::move(question));
  go_on(now_ms);
}

size_t Store::reads() const {
  return static_cast<size_t>(std::count_if(questions_.begin(), questions_.end(),
                                           [](const Question& each) { return each.call != 0; }));
}

/// Whatever can begin now, begins.
void Store::go_on(uint64_t now_ms) {
  const bool waits = std::any_of(questions_.begin(), questions_.end(),
                                 [](const Question& each) { return each.call == 0; });
  if (!waits || auth_call_ != 0) return;
  switch (next_step(token_, now_ms)) {
    case Step::kLogin:
      return log_in(now_ms);
    case Step::kRenew:
      return start_renewal(now_ms);
    case Step::kUse:
      return start_reads();
  }
}

void Store::log_in(uint64_t now_ms) {
  token_.reset();
  const Result<Secret> secret_id = tools_.secret_id();
  if (!secret_id.ok()) return refuse_waiting(secret_id.error());
  auth_call_ = ++last_call_;
  renews_ = false;
  auth_asked_ms_ = now_ms;
  tools_.network.call(auth_call_, login_request(settings_, secret_id.value()),
                      settings_.timeout_ms);
}

void Store::start_renewal(uint64_t now_ms) {
  auth_call_ = ++last_call_;
  renews_ = true;
  auth_asked_ms_ = now_ms;
  tools_.network.call(auth_call_, renew_request(token_->value), settings_.timeout_ms);
}

void Store::start_reads() {
  size_t under_way = reads();
  for (Question& each : questions_) {
    if (under_way >= kMaxReads) return;
    if (each.call != 0) continue;
    each.call = ++last_call_;
    each.logins = logins_;
    ++under_way;
    tools_.network.call(each.call, read_request(each.settings, each.item, token_->value),
                        each.settings.timeout_ms);
  }
}

void Store::take(uint64_t number, const Result<Response>& response, uint64_t now_ms) {
  if (number == revoking_) {
    const Status done = response.ok() ? read_done(response.value()) : response.error();
    tools_.log(done.ok() ? "store.revoked"
                         : "store.not_revoked why=" + quoted(to_string(done.error())));
    revoking_ = 0;
    return;
  }
  if (number == auth_call_) {
    auth_call_ = 0;
    take_auth(response, now_ms);
  } else {
    const auto found = std::find_if(questions_.begin(), questions_.end(),
                                    [number](const Question& each) { return each.call == number; });
    if (found == questions_.end()) return;
    found->call = 0;
    take_read(found, response);
  }
  go_on(now_ms);
}

void Store::take_auth(const Result<Response>& response, uint64_t now_ms) {
  Result<Login> login =
      response.ok() ? read_login(response.value()) : Result<Login>(response.error());
  if (renews_) {
    if (login.ok()) {
      renew(*token_, login.value(), auth_asked_ms_);
      tools_.log("store.renewed lease_s=" + std::to_string(login.value().lease_s));
      return;
    }
    tools_.log("store.not_renewed why=" + quoted(to_string(login.error())));
    // Where the store cannot say now, what is left of the token is still good.
    token_->renewable = false;
    if (login.error().sys_errno == EACCES) token_.reset();
    return;
  }
  if (!login.ok()) {
    tools_.log("store.login_failed why=" + quoted(to_string(login.error())));
    return refuse_waiting(login.error());
  }
  ++logins_;
  tools_.log("store.login lease_s=" + std::to_string(login.value().lease_s) +
             " renewable=" + (login.value().renewable ? "1" : "0"));
  token_ = token_of(login.take(), auth_asked_ms_);
  (void)now_ms;
}

void Store::take_read(std::list<Question>::iterator question, const Result<Response>& response) {
  Result<Value> value = response.ok()
                            ? read_value(response.value(), question->settings, question->item)
                            : Result<Value>(response.error());
  // The token may have ended before its time; a new one tells that from a policy's no.
  if (!value.ok() && value.error().sys_errno == EACCES && !question->denied) {
    question->denied = true;
    if (question->logins == logins_) drop_token();
    return;
  }
  answers_.push_back({question->id, std::move(value)});
  questions_.erase(question);
}

/// It may be good for something, after all: nobody is to find it later.
void Store::drop_token() {
  if (!token_.has_value()) return;
  tools_.network.call(++last_call_, revoke_request(token_->value), settings_.timeout_ms);
  token_.reset();
}

void Store::refuse_waiting(const Error& why) {
  for (auto each = questions_.begin(); each != questions_.end();) {
    if (each->call != 0) {
      ++each;
      continue;
    }
    answers_.push_back({each->id, why});
    each = questions_.erase(each);
  }
}

void Store::tick(uint64_t now_ms) {
  for (auto each = questions_.begin(); each != questions_.end();) {
    if (now_ms < each->until_ms) {
      ++each;
      continue;
    }
    if (each->call != 0) tools_.network.cancel(each->call);
    answers_.push_back(
        {each->id, Error{"the store at " + settings_.host + " did not answer within " +
                             std::to_string(each->settings.timeout_ms / 1000) + " s",
                         ETIMEDOUT}});
    each = questions_.erase(each);
  }
  go_on(now_ms);
}

std::optional<uint64_t> Store::wakes_at() const {
  const auto first = std::min_element(
      questions_.begin(), questions_.end(),
      [](const Question& a, const Question& b) { return a.until_ms < b.until_ms; });
  if (first == questions_.end()) return std::nullopt;
  return first->until_ms;
}

void Store::end(uint64_t timeout_ms) {
  for (const Question& each : questions_)
    if (each.call != 0) tools_.network.cancel(each.call);
  questions_.clear();
  if (auth_call_ != 0) tools_.network.cancel(auth_call_);
  auth_call_ = 0;
  if (!token_.has_value()) return;
  revoking_ = ++last_call_;
  tools_.network.call(revoking_, revoke_request(token_->value), timeout_ms);
  token_.reset();
}

}  // namespace carrel::secret_store
