#pragma once
// The verb `carrel token`: whether a token still lives (RFC 7662). It asks the broker, which
// decides, and says what it answered.

#include <cstdio>
#include <string>
#include <vector>

namespace carrel::token {

/// The token, or one HTTP request, comes from `in`; answers go to `out`, everything else to `err`.
struct Ends {
  int in = -1;
  int out = -1;
  std::FILE* err = nullptr;
};

/// Runs `carrel token` with the words after it. Exit code: 0 the token is active, 2 it is not, 1
/// nobody could be asked. With --http: 0 once the request is answered, 1 where the broker was not
/// there to be asked or the client did not wait.
int run_token(const std::vector<std::string>& words, Ends ends);

}  // namespace carrel::token
