#pragma once
// What each verb does once the broker is there.

#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/client/broker_client.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/cli/work/arguments.h"
#include "launcher/cli/work/work.h"

namespace carrel::work {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kNotFound = 2;

void print(std::FILE* to, std::string_view text);

/// The workspaces as a table, or as one JSON array.
int list_workspaces(const std::vector<protocol::WorkspaceRow>& rows, Shape shape, Output output);

/// How sessions stand: for each a few lines, or one JSON object a line.
int show_status(const std::vector<protocol::SessionStatus>& sessions, Shape shape, Output output);

/// What is to be said of an order that has come about.
struct Carried {
  int code = kOk;
  std::string text;
};
/// Gives the order and waits until it has come about: a session that is closed has an empty
/// workspace and a closed record. An Error is a refusal (broker.refused()) or a broken connection.
Result<Carried> carry_out(client::BrokerClient& broker, const WorkArguments& arguments);

}  // namespace carrel::work
