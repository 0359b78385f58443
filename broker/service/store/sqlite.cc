#include "broker/service/store/sqlite.h"

#include <cerrno>

namespace carrel::store::sqlite {
namespace {

/// An errno only for what says nothing about the file's content.
int errno_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return EBUSY;
    case SQLITE_IOERR:
      return EIO;
    case SQLITE_NOMEM:
      return ENOMEM;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return EACCES;
    case SQLITE_READONLY:
      return EROFS;
    default:
      return 0;
  }
}

Error failed(sqlite3* database, std::string_view what) {
  return Error{"catalogue: " + std::string(what) + ": " + sqlite3_errmsg(database),
               errno_of(sqlite3_errcode(database))};
}

}  // namespace

Statement& Statement::text(std::string_view value) {
  const int rc = sqlite3_bind_text64(statement_.get(), next_++, value.data(), value.size(),
                                     SQLITE_TRANSIENT, SQLITE_UTF8);
  if (rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Statement& Statement::blob(std::string_view value) {
  const int rc =
      sqlite3_bind_blob64(statement_.get(), next_++, value.data(), value.size(), SQLITE_TRANSIENT);
  if (rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Statement& Statement::number(int64_t value) {
  const int rc = sqlite3_bind_int64(statement_.get(), next_++, value);
  if (rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) {
    return Error{std::string("catalogue: bind: ") + sqlite3_errstr(bind_error_)};
  }
  const int rc = sqlite3_step(statement_.get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return failed(database_, "step");
}

Status Statement::run() {
  while (true) {
    ASSIGN_OR_RETURN(const bool row, step());
    if (!row) return Done{};
  }
}

std::string Statement::text_at(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<size_t>(size));
}

int64_t Statement::number_at(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int rc =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, CloseDatabase> database(raw);
  if (raw == nullptr) return Error{"catalogue: open", ENOMEM};
  if (rc != SQLITE_OK) return failed(raw, "open");
  sqlite3_busy_timeout(raw, 2000);
  return Database(std::move(database));
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                    &statement, nullptr);
  if (rc != SQLITE_OK) return failed(database_.get(), "prepare");
  return Statement(database_.get(), statement);
}

Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failed(database_.get(), "execute");
  }
  return Done{};
}

}  // namespace carrel::store::sqlite
