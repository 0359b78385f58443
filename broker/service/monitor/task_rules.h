#pragma once
// What may be opened and made of tasks. Pure: a task as it is kept, a request, the time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/service/monitor/monitor.h"
#include "broker/service/store/tasks.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::monitor {

inline constexpr size_t kMaxAgreement = size_t{256} << 10;
inline constexpr size_t kMaxPeople = 64;

/// A reason that somebody will read in a record and on a screen: one line of 1 to 1024 bytes.
Status check_reason(const std::string& reason);

/// "local/fix" of "fix" or "local/fix"; an Error for what names no task.
Result<std::string> task_id(std::string_view name);

/// Why this request cannot open the task now, with what to do; nothing where it can. `known` is
/// null for a task that nobody has registered.
std::optional<std::string> why_not_open(const store::Task* known,
                                        const protocol::OpenRequest& request,
                                        const std::string& person, uint64_t now_ns);

/// The new task of this request, with people and window checked; an Error says what is wrong.
/// `known` is the task that has the name already, or null.
Result<store::Task> make_task(const store::Task* known, const protocol::TaskCreateRequest& request,
                              const ReadProfile& read, const std::string& creator, uint64_t now_ns);

/// What the record is to say of an agreement, or that the person has to be asked for it first.
struct AgreementAnswer {
  std::optional<protocol::AgreementNeeded> needed;
  std::optional<store::Acceptance> accepted;  // now: to be kept
  std::optional<protocol::Agreement> agreement;
};
/// `known` is the person's acceptance of the request's text, where there is one. An Error where the
/// request brings no text, another one than it says, or too large a one.
Result<AgreementAnswer> judge_agreement(const AgreementTerms& terms,
                                        const protocol::OpenRequest& request,
                                        const std::string& task, const std::string& person,
                                        const std::optional<store::Acceptance>& known,
                                        uint64_t now_ns);

}  // namespace carrel::monitor
