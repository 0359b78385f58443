#include "launcher/cli/token/arguments.h"

#include <algorithm>
#include <sstream>

#include "launcher/cli/options/options.h"

namespace carrel::token {
namespace {

namespace po = boost::program_options;
using options::read_options;
using options::text_of;

po::options_description make_options() {
  po::options_description options = carrel::options::common_options();
  options.add_options()("http", "answer one HTTP request on standard input and output");
  return options;
}

}  // namespace

Result<TokenArguments> parse_arguments(const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  ASSIGN_OR_RETURN(const po::variables_map values, read_options(make_options(), words, &rest));
  TokenArguments out;
  out.help = values.count("help") != 0;
  if (out.help) return out;
  if (rest.empty() || rest[0] != "introspect") return Error{"say what: introspect"};
  if (rest.size() > 1) {
    return Error{"a word too many: the token comes on standard input, where no list shows it"};
  }
  out.http = values.count("http") != 0;
  out.state = text_of(values, "state");
  return out;
}

std::string help_text() {
  std::ostringstream text;
  text << "usage: carrel token introspect [options] < TOKEN\n\n"
          "Says whether a token (a credential of the kind jwt) still lives: its session runs, its\n"
          "end has not begun, and the lease has not ended. Prints the JSON object of RFC 7662;\n"
          "exits 0 if the token is active, 2 if it is not, 1 if nobody could be asked.\n"
          "With --http it answers one HTTP request instead, for a web server in front of it\n"
          "(carrel-introspect.socket): POST, application/x-www-form-urlencoded, token=TOKEN.\n\n"
       << make_options();
  return text.str();
}

}  // namespace carrel::token
