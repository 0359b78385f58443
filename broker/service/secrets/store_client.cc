#include "broker/service/secrets/store_client.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace carrel::secrets {
namespace {

constexpr uint64_t kEndMs = 1500;

/// Goes on while the host sleeps, as a token's end does.
uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace

Result<std::unique_ptr<StoreClient>> StoreClient::open(const secret_store::Settings& settings,
                                                       const Sources& sources, Log log) {
  ASSIGN_OR_RETURN(auto web, secret_store::Web::open(
                                 settings, [&sources] { return sources.own_file("store.ca"); }));
  return std::unique_ptr<StoreClient>(
      new StoreClient(settings, std::move(web), sources, std::move(log)));
}

StoreClient::StoreClient(const secret_store::Settings& settings,
                         std::unique_ptr<secret_store::Web> web, const Sources& sources, Log log)
    : settings_(settings),
      web_(std::move(web)),
      store_(settings,
             {*web_, [&sources] { return sources.own_file("store.secret-id"); }, std::move(log)}) {}

Status StoreClient::ask(uint64_t id, const Found& found) {
  if (!found.store->same_place(settings_)) {
    return Error{"secrets.toml names another store than when carrel-secrets began"};
  }
  store_.ask(id, *found.item, *found.store, now_ms());
  return Done{};
}

void StoreClient::take_finished() {
  for (const secret_store::Web::Finished& each : web_->take_finished())
    store_.take(each.number, each.response, now_ms());
  store_.tick(now_ms());
}

Status StoreClient::wait(std::vector<pollfd>* others) {
  int patience_ms = -1;
  if (const std::optional<uint64_t> at = store_.wakes_at()) {
    patience_ms = static_cast<int>(*at - std::min(*at, now_ms()));
  }
  RETURN_IF_ERROR(web_->wait(others, patience_ms));
  take_finished();
  return Done{};
}

void StoreClient::end() {
  const uint64_t until_ms = now_ms() + kEndMs;
  store_.end(kEndMs);
  while (!store_.is_quiet() && now_ms() < until_ms) {
    std::vector<pollfd> nobody;
    if (!web_->wait(&nobody, static_cast<int>(until_ms - now_ms())).ok()) return;
    take_finished();
  }
}

}  // namespace carrel::secrets
