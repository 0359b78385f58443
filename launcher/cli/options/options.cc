#include "launcher/cli/options/options.h"

#include <exception>

#include "profiles/base/text.h"

namespace carrel::options {

po::options_description common_options() {
  po::options_description options("options");
  options.add_options()("help,h", "show this text")(
      "state", po::value<std::string>()->value_name("DIR"),
      "the state folder (else CARREL_STATE, a service, or /var/lib/carrel)");
  return options;
}

/// Boost reports by exceptions; they end here.
Result<po::variables_map> read_options(const po::options_description& options,
                                       const std::vector<std::string>& words,
                                       std::vector<std::string>* rest) {
  try {
    const po::parsed_options parsed =
        po::command_line_parser(words)
            .options(options)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .allow_unregistered()
            .run();
    for (const auto& option : parsed.options) {
      if (option.unregistered && option.position_key < 0)
        return Error{"unknown option " + quoted(option.original_tokens.front())};
      if (option.position_key >= 0)
        rest->insert(rest->end(), option.value.begin(), option.value.end());
    }
    po::variables_map values;
    po::store(parsed, values);
    po::notify(values);
    return values;
  } catch (const std::exception& problem) {
    return Error{quoted(problem.what())};
  }
}

std::string text_of(const po::variables_map& values, const char* name) {
  return values.count(name) == 0 ? std::string() : values[name].as<std::string>();
}

}  // namespace carrel::options
