#pragma once
// The verb `carrel task`.

#include <string>
#include <vector>

#include "launcher/cli/start/state_folder.h"
#include "launcher/cli/work/task_arguments.h"
#include "launcher/cli/work/verbs.h"

namespace carrel::work {

/// Runs it with a broker that answers; `code` is the exit code of a failure.
Result<std::string> run_task(const TaskArguments& arguments, client::BrokerClient& broker,
                             const start::StateFolder& state, int* code);

/// One task as a page, and a list of them as a table or a JSON array.
std::string task_page(const protocol::TaskRow& row);
std::string task_json(const protocol::TaskRow& row);
std::string task_table(const std::vector<protocol::TaskRow>& rows);

}  // namespace carrel::work
