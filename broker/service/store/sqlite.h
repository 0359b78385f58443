#pragma once
// SQLite's C interface, as far as the catalogue needs it, with Result for errors.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::store::sqlite {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A prepared statement: bind in order, then step until there is no row.
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  Statement& text(std::string_view value);
  Statement& blob(std::string_view value);
  Statement& number(int64_t value);
  /// True: a row is there to read.
  Result<bool> step();
  /// Runs to the end, for statements without rows.
  Status run();

  [[nodiscard]] std::string text_at(int column) const;
  [[nodiscard]] int64_t number_at(int column) const;

 private:
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
  int next_ = 1;
  int bind_error_ = SQLITE_OK;
};

class Database {
 public:
  /// Opens or creates the file.
  static Result<Database> open(const std::string& path);
  Result<Statement> prepare(std::string_view sql);
  /// Several statements without parameters or rows.
  Status execute(const std::string& sql);

 private:
  explicit Database(std::unique_ptr<sqlite3, CloseDatabase> database)
      : database_(std::move(database)) {}
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

}  // namespace carrel::store::sqlite
