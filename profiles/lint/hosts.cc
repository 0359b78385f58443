#include "profiles/lint/hosts.h"

#include <array>

namespace carrel::lint {
namespace {

/// A name and all below it; of two that fit the longer speaks.
struct Row {
  std::string_view name;
  std::string_view kind;
  Sharing sharing;
};

constexpr std::string_view kCode = "a code host";
constexpr std::string_view kStore = "an object store";
constexpr std::string_view kCloud = "a public cloud";
constexpr std::string_view kPages = "a host of pages and applications";
constexpr std::string_view kPaste = "a host of pastes and files";
constexpr std::string_view kChat = "a chat or webhook service";
constexpr std::string_view kTunnel = "a tunnel service";
constexpr std::string_view kPackages = "a package registry that takes uploads";

constexpr auto kByPath = Sharing::kByPath;
constexpr auto kByName = Sharing::kByName;

constexpr std::array kShared = {
    Row{"github.com", kCode, kByPath},
    Row{"githubusercontent.com", kCode, kByPath},
    Row{"ghcr.io", kPackages, kByPath},
    Row{"gitlab.com", kCode, kByPath},
    Row{"bitbucket.org", kCode, kByPath},
    Row{"codeberg.org", kCode, kByPath},
    Row{"sr.ht", kCode, kByPath},
    Row{"dev.azure.com", kCode, kByPath},
    Row{"visualstudio.com", kCode, kByName},
    Row{"huggingface.co", kCode, kByPath},
    Row{"hf.co", kCode, kByPath},
    Row{"sourceforge.net", kCode, kByPath},
    Row{"launchpad.net", kCode, kByPath},
    Row{"registry.npmjs.org", kPackages, kByPath},
    Row{"upload.pypi.org", kPackages, kByPath},
    Row{"pypi.org", kPackages, kByPath},
    Row{"crates.io", kPackages, kByPath},
    Row{"rubygems.org", kPackages, kByPath},
    Row{"docker.io", kPackages, kByPath},
    Row{"docker.com", kPackages, kByPath},
    Row{"quay.io", kPackages, kByPath},
    Row{"amazonaws.com", kCloud, kByPath},
    Row{"s3.amazonaws.com", kStore, kByName},
    Row{"on.aws", kCloud, kByName},
    Row{"awsapps.com", kCloud, kByName},
    Row{"googleapis.com", kCloud, kByPath},
    Row{"storage.googleapis.com", kStore, kByName},
    Row{"appspot.com", kPages, kByName},
    Row{"run.app", kPages, kByName},
    Row{"cloudfunctions.net", kPages, kByName},
    Row{"web.app", kPages, kByName},
    Row{"firebaseapp.com", kPages, kByName},
    Row{"firebaseio.com", kStore, kByName},
    Row{"core.windows.net", kStore, kByName},
    Row{"azurewebsites.net", kPages, kByName},
    Row{"azurecr.io", kPackages, kByName},
    Row{"cloudapp.azure.com", kCloud, kByName},
    Row{"trafficmanager.net", kCloud, kByName},
    Row{"digitaloceanspaces.com", kStore, kByName},
    Row{"ondigitalocean.app", kPages, kByName},
    Row{"backblazeb2.com", kStore, kByName},
    Row{"wasabisys.com", kStore, kByName},
    Row{"r2.cloudflarestorage.com", kStore, kByName},
    Row{"r2.dev", kStore, kByName},
    Row{"oraclecloud.com", kCloud, kByName},
    Row{"aliyuncs.com", kCloud, kByName},
    Row{"myqcloud.com", kCloud, kByName},
    Row{"scw.cloud", kCloud, kByName},
    Row{"github.io", kPages, kByName},
    Row{"gitlab.io", kPages, kByName},
    Row{"bitbucket.io", kPages, kByName},
    Row{"pages.dev", kPages, kByName},
    Row{"workers.dev", kPages, kByName},
    Row{"vercel.app", kPages, kByName},
    Row{"netlify.app", kPages, kByName},
    Row{"herokuapp.com", kPages, kByName},
    Row{"fly.dev", kPages, kByName},
    Row{"onrender.com", kPages, kByName},
    Row{"up.railway.app", kPages, kByName},
    Row{"deno.dev", kPages, kByName},
    Row{"surge.sh", kPages, kByName},
    Row{"glitch.me", kPages, kByName},
    Row{"repl.co", kPages, kByName},
    Row{"replit.app", kPages, kByName},
    Row{"readthedocs.io", kPages, kByName},
    Row{"wordpress.com", kPages, kByName},
    Row{"blogspot.com", kPages, kByName},
    Row{"sharepoint.com", kPaste, kByName},
    Row{"gist.github.com", kPaste, kByPath},
    Row{"pastebin.com", kPaste, kByPath},
    Row{"paste.debian.net", kPaste, kByPath},
    Row{"dpaste.org", kPaste, kByPath},
    Row{"transfer.sh", kPaste, kByPath},
    Row{"file.io", kPaste, kByPath},
    Row{"dropbox.com", kPaste, kByPath},
    Row{"dropboxapi.com", kPaste, kByPath},
    Row{"dropboxusercontent.com", kPaste, kByPath},
    Row{"drive.google.com", kPaste, kByPath},
    Row{"docs.google.com", kPaste, kByPath},
    Row{"onedrive.live.com", kPaste, kByPath},
    Row{"box.com", kPaste, kByPath},
    Row{"mega.nz", kPaste, kByPath},
    Row{"wetransfer.com", kPaste, kByPath},
    Row{"slack.com", kChat, kByPath},
    Row{"discord.com", kChat, kByPath},
    Row{"discordapp.com", kChat, kByPath},
    Row{"telegram.org", kChat, kByPath},
    Row{"webhook.office.com", kChat, kByName},
    Row{"matrix.org", kChat, kByPath},
    Row{"ntfy.sh", kChat, kByPath},
    Row{"webhook.site", kChat, kByPath},
    Row{"pipedream.net", kChat, kByName},
    Row{"hooks.zapier.com", kChat, kByPath},
    Row{"ifttt.com", kChat, kByPath},
    Row{"notion.so", kPaste, kByPath},
    Row{"api.notion.com", kPaste, kByPath},
    Row{"atlassian.net", kPaste, kByName},
    Row{"ngrok.io", kTunnel, kByName},
    Row{"ngrok.app", kTunnel, kByName},
    Row{"ngrok-free.app", kTunnel, kByName},
    Row{"trycloudflare.com", kTunnel, kByName},
    Row{"loca.lt", kTunnel, kByName},
    Row{"serveo.net", kTunnel, kByName},
};

constexpr std::array<std::string_view, 20> kCdns = {"cloudfront.net",
                                                    "fastly.net",
                                                    "fastlylb.net",
                                                    "akamaiedge.net",
                                                    "akamaihd.net",
                                                    "akamaized.net",
                                                    "edgekey.net",
                                                    "edgesuite.net",
                                                    "azureedge.net",
                                                    "azurefd.net",
                                                    "cloudflare.net",
                                                    "cdn.cloudflare.net",
                                                    "b-cdn.net",
                                                    "cdn77.org",
                                                    "kxcdn.com",
                                                    "stackpathcdn.com",
                                                    "jsdelivr.net",
                                                    "unpkg.com",
                                                    "cdnjs.cloudflare.com",
                                                    "gstatic.com"};

constexpr std::array<std::string_view, 16> kDnsOverHttps = {"dns.google",
                                                            "dns64.dns.google",
                                                            "cloudflare-dns.com",
                                                            "one.one.one.one",
                                                            "dns.quad9.net",
                                                            "doh.opendns.com",
                                                            "dns.nextdns.io",
                                                            "doh.cleanbrowsing.org",
                                                            "dns.adguard-dns.com",
                                                            "dns.alidns.com",
                                                            "doh.pub",
                                                            "doh.dns.sb",
                                                            "dns.mullvad.net",
                                                            "freedns.controld.com",
                                                            "doh.libredns.gr",
                                                            "dns0.eu"};

bool is_at_or_below(std::string_view host, std::string_view name) {
  return host == name || (host.ends_with(name) && host[host.size() - name.size() - 1] == '.');
}

template <size_t N>
bool is_one_of(std::string_view host, const std::array<std::string_view, N>& names) {
  for (const std::string_view name : names) {
    if (is_at_or_below(host, name)) return true;
  }
  return false;
}

/// "bucket.s3.eu-central-1.amazonaws.com": the store's name stands before the region.
bool is_regional_bucket(std::string_view host) {
  return host.ends_with(".amazonaws.com") && (host.find(".s3.") != std::string_view::npos ||
                                              host.find(".s3-") != std::string_view::npos);
}

}  // namespace

HostFacts facts_of(std::string_view host) {
  HostFacts facts;
  const Row* best = nullptr;
  for (const Row& row : kShared) {
    if (!is_at_or_below(host, row.name)) continue;
    if (best == nullptr || row.name.size() > best->name.size()) best = &row;
  }
  if (best != nullptr) {
    facts.kind = best->kind;
    facts.packages = best->kind == kPackages;
    // The service's own name has nobody's account in front.
    facts.sharing = best->sharing == kByName && host == best->name ? kByPath : best->sharing;
  }
  if (is_regional_bucket(host)) {
    facts.kind = kStore;
    facts.sharing = kByName;
  }
  facts.cdn = is_one_of(host, kCdns);
  facts.dns = is_one_of(host, kDnsOverHttps);
  return facts;
}

}  // namespace carrel::lint
