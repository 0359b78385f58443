// The keys that the language has, read without the list of what is refused: one test per key that
// has rules of its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profiles/parse/canonical.h"
#include "profiles/parse/keys.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::parse {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::errors_of_whole;
using tests::minimal_profile;
using tests::parsed_whole;
using tests::whole_profile;
using tests::with_repository;

std::vector<std::string> texts(const std::vector<model::TextEntry>& entries) {
  std::vector<std::string> out;
  for (const model::TextEntry& entry : entries)
    out.push_back(entry.text);
  return out;
}

/// The minimal profile; what is appended begins on line 6.
model::Profile minimal_with(const std::string& more) {
  return parsed_whole(minimal_profile() + more);
}
std::string errors_with(const std::string& more) {
  return errors_of_whole(minimal_profile() + more);
}

TEST(ProfileLanguage, HasEveryTableAsPlainValues) {
  const model::Profile profile = parsed_whole(whole_profile());
  EXPECT_EQ(profile.session.idle_timeout_s, 1800U);
  EXPECT_EQ(profile.session.idle_timeout_line, (model::SourceLine{13, 1}));
  EXPECT_EQ(profile.session.start_after, model::StartAfter::kAnchored);
  EXPECT_EQ(profile.session.keystrokes, model::Keystrokes::kLengths);
  EXPECT_EQ(profile.session.on_record_failure, model::OnRecordFailure::kFreeze);
  EXPECT_EQ(profile.repositories[0].history, model::History::kSquashed);
  EXPECT_EQ(profile.repositories[0].enforce, model::Enforce::kGate);
  EXPECT_EQ(profile.repositories[0].enforce_line.line, 28);
  ASSERT_EQ(profile.networks.size(), 3U);
  EXPECT_EQ(profile.networks[0].host, "git.example.org");
  EXPECT_EQ(profile.networks[0].mode, model::NetworkMode::kSsh);
  const model::Network& registry = profile.networks[1];
  EXPECT_THAT(registry.ports, ElementsAre(443, 8443));
  EXPECT_EQ(registry.credential, "registry-read");
  EXPECT_EQ(registry.budget.up, uint64_t{10} << 20);
  EXPECT_EQ(registry.budget.down, uint64_t{2} << 30);
  ASSERT_EQ(registry.http.size(), 2U);
  EXPECT_THAT(texts(registry.http[0].methods), ElementsAre("GET", "HEAD"));
  EXPECT_EQ(registry.http[0].path, "/v2/**");
  EXPECT_EQ(registry.http[0].max_body, 0U);
  EXPECT_EQ(registry.http[1].path, "/**");
  EXPECT_EQ(registry.http[1].max_body, std::nullopt);
  EXPECT_THAT(texts(registry.addresses), ElementsAre("10.20.0.0/16", "fd00::/8"));
  EXPECT_EQ(registry.waiver, (model::Waiver{"lena", "The registry is ours.", {44, 1}}));
  const std::vector<model::HttpRule>& git = profile.networks[2].http;
  ASSERT_EQ(git.size(), 3U);
  EXPECT_EQ(git[0].preset, "git-fetch");
  EXPECT_EQ(git[0].repository, "/acme/widgets");
  EXPECT_EQ(git[0].path, "") << "nothing but the preset speaks of its requests";
  EXPECT_TRUE(git[0].methods.empty());
  EXPECT_THAT(texts(git[1].refs), ElementsAre("refs/heads/a/**", "refs/heads/contrib/*"));
  EXPECT_EQ(git[1].max_body, uint64_t{50} << 20);
  EXPECT_THAT(texts(git[2].headers), ElementsAre("accept-version", "x-trace"));
  EXPECT_TRUE(git[2].upgrade);
  EXPECT_FALSE(git[1].upgrade);
  ASSERT_EQ(profile.credentials.size(), 2U);
  EXPECT_EQ(profile.credentials[0].alg, model::TokenAlg::kRs256);
  EXPECT_EQ(profile.credentials[1].kind, model::CredentialKind::kHeader);
  EXPECT_EQ(profile.credentials[1].from, "secret:registry-read");
  EXPECT_EQ(profile.credentials[1].inject, "basic");
  EXPECT_EQ(profile.credentials[1].user, "reader");
  EXPECT_EQ(profile.credentials[1].ttl_s, 900U);
  ASSERT_EQ(profile.forwards.size(), 2U);
  EXPECT_EQ(profile.forwards[0].port, 80);
  EXPECT_THAT(texts(profile.toolchain.packages), ElementsAre("g++", "gcc"));
}

TEST(ProfileLanguage, ReadsItsCanonicalFormBack) {
  const model::Profile profile = parsed_whole(whole_profile());
  const auto back = parse_canonical(to_canonical(profile), {});
  ASSERT_TRUE(back.ok()) << back.error().what;
  EXPECT_EQ(back.value(), without_lines(profile));
  EXPECT_NE(back.value(), profile) << "the lines were there";
}

TEST(ProfileLanguage, RefusesCanonicalBytesWithWhatIsNotEnforced) {
  const auto back = parse_canonical(to_canonical(
      parsed_whole(minimal_profile() + "[[interface]]\nname = \"api\"\npath = \"a\"\n")));
  ASSERT_FALSE(back.ok());
  EXPECT_THAT(back.error().what, HasSubstr("\"interface\" is not supported yet"));
}

TEST(ProfileLanguage, LeavesNewDefaultsOutOfTheCanonicalForm) {
  EXPECT_EQ(to_canonical(minimal_with("[limits]\nmemory = \"4GiB\"\nprocesses = 512\n"
                                      "disk = \"10GiB\"\ninodes = 1000000\ntmpfs = \"1GiB\"\n"
                                      "open_files = 4096\n")),
            to_canonical(minimal_with("")));
  EXPECT_THAT(to_canonical(minimal_with("[limits]\ncpu = \"2.5\"\nmemory = \"1GiB\"\n")),
              HasSubstr("\"limits\":{\"cpu\":2500,\"memory\":1073741824},"));
}

TEST(ProfileLanguage, CanonicalFormHasEveryKeySorted) {
  EXPECT_EQ(
      to_canonical(parsed_whole(whole_profile())),
      R"({"credential":[{"alg":"RS256","audience":"https://ci.example.org","kind":"jwt",)"
      R"("name":"ci","ttl":120},{"from":"secret:registry-read","inject":"basic","kind":"header","name":"registry-read",)"
      R"("ttl":900,"user":"reader"}],)"
      R"("forward":[{"port":80},{"port":3000}],)"
      R"("interface":[{"kind":"schema","name":"billing-api","path":"api/openapi.yaml"}],)"
      R"("limits":{"cpu":2500,"disk":21474836480,"inodes":2000000,"memory":8589934592,)"
      R"("open_files":8192,"processes":1024,"tmpfs":536870912},)"
      R"("network":[{"host":"git.example.org","mode":"ssh","ports":[22]},)"
      R"({"addresses":["10.20.0.0/16","fd00::/8"],"budget":{"down":2147483648,"up":10485760},)"
      R"("credential":"registry-read",)"
      R"("host":"registry.example.org","http":[{"max_body":0,"methods":["GET","HEAD"],)"
      R"("path":"/v2/**"},{"escaped_slash":1,"methods":["POST"],"path":"/**"}],"mode":"inspect","ports":[443,8443],)"
      R"("waiver":{"by":"lena","reason":"The registry is ours."}},{"host":"vcs.example.org",)"
      R"("http":[{"preset":"git-fetch","repository":"/acme/widgets"},{"max_body":52428800,)"
      R"("preset":"git-push","refs":["refs/heads/a/**","refs/heads/contrib/*"],)"
      R"("repository":"/acme/site"},{"headers":["accept-version","x-trace"],"methods":["GET"],)"
      R"("path":"/live","upgrade":1}],"mode":"inspect","ports":[443]}],)"
      R"("profile":"dashboard-fix","purpose":{"agreement":{"file":"agreements/nda-2026.md",)"
      R"("survives":94608000,"version":2},"jurisdictions":["DE","PL"],)"
      R"("recipients":["acme-audit","acme-studio"],"statement":"Ticket FE-1432",)"
      R"("use":"development"},"repository":[{"enforce":"gate","history":"squashed","name":"app",)"
      R"("never":["web/src/secrets"],"read":["docs","package.json"],"ref":"main",)"
      R"("source":"/srv/git/app.git","submit":{"refs":"refs/heads/contrib/{task}/*",)"
      R"("reviewers":["lena"],"two_person":1},"write":["web/src"]}],)"
      R"("retention":{"contents":15552000,"record":63072000,"workspace":1209600},)"
      R"("session":{"assurance":"full","hours":{"days":31,"from":420,"to":1200,)"
      R"("zone":"Europe/Berlin"},"idle_timeout":1800,"keystrokes":"lengths",)"
      R"("max_duration":28800,"on_record_failure":"freeze","start_after":"anchored"},)"
      R"("summary":"Fix widgets.","toolchain":{"packages":["g++","gcc"],"root":"host"},)"
      R"("version":3})");
}

TEST(ProfileLanguage, PurposeNamesOrganisationsAndCountries) {
  const model::Purpose purpose =
      minimal_with("recipients = [\"b\", \"a\"]\njurisdictions = [\"PL\"]\n").purpose;
  EXPECT_THAT(texts(purpose.recipients), ElementsAre("a", "b"));
  EXPECT_EQ(purpose.recipients[0].where, (model::SourceLine{6, 20}));
  EXPECT_THAT(errors_with("recipients = [\"Acme Studio\"]\n"),
              HasSubstr("p.toml:6:15: purpose.recipients: is no name"));
  EXPECT_THAT(errors_with("recipients = [\"a\", \"a\"]\n"), HasSubstr("has \"a\" twice"));
  EXPECT_THAT(errors_with("recipients = []\n"), HasSubstr("empty list"));
  for (const char* bad : {"de", "DEU", "D1", "", "Germany"})
    EXPECT_THAT(errors_with("jurisdictions = [\"" + std::string(bad) + "\"]\n"),
                HasSubstr("is no country"));
}

TEST(ProfileLanguage, AgreementIsAFileAndItsVersion) {
  const auto agreement =
      minimal_with("agreement = { file = \"a/nda.md\", version = 2, survives = \"3y\" }\n")
          .purpose.agreement;
  ASSERT_TRUE(agreement);
  EXPECT_EQ(*agreement, (model::Agreement{"a/nda.md", 2, 94608000, {6, 1}}));
  EXPECT_THAT(errors_with("agreement = { file = \"../nda.md\", version = 1 }\n"),
              HasSubstr("purpose.agreement.file"));
  EXPECT_THAT(errors_with("agreement = { file = \"nda.md\" }\n"),
              HasSubstr("\"purpose.agreement.version\" is missing"));
  EXPECT_THAT(errors_with("agreement = { file = \"n\", version = 1, until = 3 }\n"),
              HasSubstr("unknown key \"until\" in [purpose.agreement]"));
}

TEST(ProfileLanguage, HoursAreDaysTimesAndAZone) {
  const auto hours_of = [](const std::string& days, const std::string& from, const std::string& to,
                           const std::string& zone) {
    return "[session]\nhours = { days = \"" + days + "\", from = \"" + from + "\", to = \"" + to +
           "\", zone = \"" + zone + "\" }\n";
  };
  const auto hours = minimal_with(hours_of("mon-wed,sun", "22:00", "06:00", "UTC")).session.hours;
  ASSERT_TRUE(hours);
  EXPECT_EQ(*hours, (model::Hours{71, 1320, 360, "UTC", {7, 1}}));
  EXPECT_THAT(errors_with(hours_of("mon-fry", "07:00", "20:00", "UTC")),
              HasSubstr("p.toml:7:18: session.hours.days: \"mon-fry\" is no set of days"));
  EXPECT_THAT(errors_with(hours_of("mon", "7", "20:00", "UTC")), HasSubstr("is no time"));
  EXPECT_THAT(errors_with(hours_of("mon", "24:00", "20:00", "UTC")), HasSubstr("00:00 to 23:59"));
  EXPECT_THAT(errors_with(hours_of("mon", "07:00", "00:00", "UTC")), HasSubstr("00:01 to 24:00"));
  EXPECT_THAT(errors_with(hours_of("mon", "07:00", "07:00", "UTC")), HasSubstr("same as from"));
  for (const char* bad : {"../etc/passwd", "/UTC", "", "Europe Berlin", "a//b"})
    EXPECT_THAT(errors_with(hours_of("mon", "07:00", "20:00", bad)), HasSubstr("is no time zone"));
  EXPECT_THAT(errors_with("[session]\nhours = { from = \"07:00\" }\n"),
              HasSubstr("session.hours.days is missing"));
}

TEST(ProfileLanguage, LimitsHaveTheFixedCeilingsAsDefaults) {
  EXPECT_EQ(minimal_with("").limits, model::Limits{});
  const model::Limits limits = minimal_with("[limits]\nprocesses = 8\ntmpfs = \"1MiB\"\n").limits;
  EXPECT_EQ(limits.processes, 8U);
  EXPECT_EQ(limits.processes_line, (model::SourceLine{7, 1}));
  EXPECT_EQ(limits.tmpfs_bytes, 1048576U);
  EXPECT_EQ(limits.memory_bytes, uint64_t{4} << 30);
  for (const char* bad :
       {"cpu = \"0.001\"", "cpu = 2", "memory = \"1MiB\"", "memory = 1024", "processes = 7",
        "processes = \"8\"", "disk = \"1KiB\"", "inodes = 1", "tmpfs = \"0B\"", "open_files = 63",
        "open_files = -1", "memory = \"999999TiB\""}) {
    EXPECT_THAT(errors_with("[limits]\n" + std::string(bad) + "\n"),
                HasSubstr("limits." + std::string(bad).substr(0, std::string(bad).find(' '))))
        << bad;
  }
}

TEST(ProfileLanguage, NetworkIsAHostWithPorts) {
  const auto network = [](const std::string& more, const std::string& host = "a.example") {
    return "[[network]]\nhost = \"" + host + "\"\n" + more;
  };
  EXPECT_EQ(minimal_with(network("ports = [443]\n")).networks[0].mode,
            model::NetworkMode::kInspect);
  EXPECT_THAT(errors_with(network("")), HasSubstr("\"network.ports\" is missing"));
  for (const char* bad : {"[0]", "[65536]", "[-1]", "[\"443\"]", "[]", "[443, 443]", "443"})
    EXPECT_THAT(errors_with(network("ports = " + std::string(bad) + "\n")),
                HasSubstr("network.ports"))
        << bad;
  for (const char* bad : {"", "A.example", "*.example", "a..b", ".a", "a.", "10.0.0.1", "1", "-a",
                          "a-", "a_b", "::1", "a.b:443", "https://a", "ä.example"})
    EXPECT_THAT(errors_with(network("ports = [1]\n", bad)), HasSubstr("network.host is no host"))
        << bad;
  EXPECT_THAT(errors_with(network("ports = [1]\n") + network("ports = [2]\n")),
              HasSubstr("[[network]] \"a.example\" stands there twice"));
  EXPECT_THAT(errors_with(network("ports = [1]\ncredential = \"none\"\n")),
              HasSubstr("is no [[credential]] of this profile"));
  EXPECT_THAT(
      errors_with(network("ports = [1]\nmode = \"tcp\"\nhttp = [{ methods = [\"GET\"] }]\n")),
      HasSubstr("only holds where mode is \"inspect\""));
  const std::string put_in =
      network("ports = [1]\ncredential = \"c\"\n") +
      "[[credential]]\nname = \"c\"\nkind = \"header\"\nfrom = \"secret:c\"\n";
  EXPECT_EQ(minimal_with(put_in).networks[0].credential, "c");
  const auto upgraded = [&](const std::string& kind) {
    return network(
               "ports = [1]\ncredential = \"c\"\nhttp = [{ methods = [\"GET\"], upgrade = true "
               "}]\n") +
           "[[credential]]\nname = \"c\"\n" + kind;
  };
  EXPECT_THAT(
      errors_with(upgraded("kind = \"header\"\nfrom = \"secret:c\"\n")),
      HasSubstr(
          "network.http.upgrade = true beside network.credential \"c\" is not supported yet"));
  // Of a certificate no byte is in what passes.
  EXPECT_TRUE(
      minimal_with(upgraded("kind = \"x509\"\nfrom = \"ca:c\"\n")).networks[0].http[0].upgrade);
  EXPECT_THAT(errors_with(network("ports = [1]\ncredential = \"c\"\nmode = \"tcp\"\n")),
              HasSubstr("network.credential can only be put in where mode is"));
  EXPECT_THAT(errors_with(network("ports = [1]\ncredential = \"c\"\n") +
                          "[[credential]]\nname = \"c\"\naudience = \"a\"\n"),
              HasSubstr("is a \"jwt\", which the gateway cannot put in here; write a credential of "
                        "kind \"header\""));
}

TEST(ProfileLanguage, HttpRulesAreMethodsAndAPath) {
  const auto rule = [](const std::string& text) {
    return "[[network]]\nhost = \"a.b\"\nports = [443]\nhttp = [{ " + text + " }]\n";
  };
  for (const char* good : {"/", "/**", "/a/*/b", "/a/**", "/a/"})
    EXPECT_EQ(minimal_with(rule("methods = [\"GET\"], path = \"" + std::string(good) + "\""))
                  .networks[0]
                  .http[0]
                  .path,
              good);
  for (const char* bad :
       {"", "a", "/a//b", "/a/../b", "/.", "/a*", "/**/b", "/a?x", "/%2e", "/a b"})
    EXPECT_THAT(errors_with(rule("methods = [\"GET\"], path = \"" + std::string(bad) + "\"")),
                HasSubstr("network.http.path is"))
        << bad;
  EXPECT_THAT(errors_with(rule("path = \"/\"")), HasSubstr("network.http.methods is missing"));
  EXPECT_TRUE(
      minimal_with(rule("methods = [\"GET\"], upgrade = true")).networks[0].http[0].upgrade);
  EXPECT_TRUE(minimal_with(rule("methods = [\"GET\"], escaped_slash = true"))
                  .networks[0]
                  .http[0]
                  .escaped_slash);
  EXPECT_FALSE(minimal_with(rule("methods = [\"GET\"]")).networks[0].http[0].escaped_slash);
  EXPECT_THAT(errors_with(rule("methods = [\"GET\"], upgrade = 1")),
              HasSubstr("write upgrade = true"));
  EXPECT_THAT(errors_with(rule("methods = [\"GET\"], repository = \"/a\"")),
              HasSubstr("network.http.repository goes with a preset"));
  EXPECT_THAT(errors_with(rule("methods = [\"GET\"], refs = [\"refs/heads/a\"]")),
              HasSubstr("network.http.refs goes with a preset"));
  for (const char* bad : {"[]", "[\"get\"]", "[\"\"]", "[\"G E\"]", "\"GET\""})
    EXPECT_THAT(errors_with(rule("methods = " + std::string(bad))),
                HasSubstr("network.http.methods"));
}

TEST(ProfileLanguage, HttpPresetsAreARepositoryOfGit) {
  const auto rule = [](const std::string& text) {
    return "[[network]]\nhost = \"a.b\"\nports = [443]\nhttp = [{ " + text + " }]\n";
  };
  const std::string fetch = "preset = \"git-fetch\", repository = \"/a/b\"";
  const std::string push = "preset = \"git-push\", repository = \"/a/b\"";
  EXPECT_EQ(minimal_with(rule(fetch)).networks[0].http[0].repository, "/a/b");
  EXPECT_THAT(errors_with(rule("preset = \"git-clone\", repository = \"/a/b\"")),
              HasSubstr("network.http.preset = \"git-clone\" is unknown; write one of"));
  EXPECT_THAT(errors_with(rule("preset = \"git-fetch\"")),
              HasSubstr("\"network.http.repository\" is missing"));
  for (const char* more :
       {", methods = [\"GET\"]", ", path = \"/a\"", ", upgrade = false", ", escaped_slash = true"})
    EXPECT_THAT(errors_with(rule(fetch + more)), HasSubstr("is fixed by the preset")) << more;
  for (const char* bad : {"", "/", "a/b", "/a/*", "/a/**", "/a/", "/a/b.git", "/a//b", "/a/../b"})
    EXPECT_THAT(
        errors_with(rule("preset = \"git-fetch\", repository = \"" + std::string(bad) + "\"")),
        HasSubstr("network.http.repository is"))
        << bad;
  EXPECT_THAT(errors_with(rule(push)), HasSubstr("network.http.refs is missing"));
  EXPECT_THAT(errors_with(rule(fetch + ", refs = [\"refs/heads/a\"]")),
              HasSubstr("network.http.refs is for a git-push"));
  for (const char* good :
       {"refs/heads/contrib/*", "refs/heads/*/x", "refs/tags/**", "refs/for/main"})
    EXPECT_EQ(
        minimal_with(rule(push + ", refs = [\"" + good + "\"]")).networks[0].http[0].refs[0].text,
        good);
  const std::string long_ref = "refs/heads/" + std::string(300, 'a');
  for (const std::string& bad :
       {std::string("main"), std::string(), std::string("refs/"), std::string("refs/heads/a*"),
        std::string("refs/heads/**/a"), std::string("refs/heads/../a"),
        std::string("refs/heads/{task}/*"), std::string("refs/heads/a b"), long_ref})
    EXPECT_THAT(errors_with(rule(push + ", refs = [\"" + bad + "\"]")),
                HasSubstr("network.http.refs: is no pattern of refs"))
        << bad;
}

TEST(ProfileLanguage, HttpHeadersAreNamesThatTheGatewayDoesNotOwn) {
  const auto rule = [](const std::string& name) {
    return "[[network]]\nhost = \"a.b\"\nports = [443]\n"
           "http = [{ methods = [\"GET\"], headers = [\"" +
           name + "\"] }]\n";
  };
  for (const char* good : {"x-request-id", "accept-version", "npm-command", "x-1"})
    EXPECT_EQ(minimal_with(rule(good)).networks[0].http[0].headers[0].text, good);
  for (const std::string bad : {"", "X-Id", "x id", "x_id", "x:", "ä"})
    EXPECT_THAT(errors_with(rule(bad)), HasSubstr("network.http.headers: is no header")) << bad;
  for (const char* bad :
       {"host", "connection", "proxy-authenticate", "x-forwarded-for", "forwarded", "te",
        "content-length", "transfer-encoding", "x-original-url", "x-http-method-override",
        "sec-websocket-protocol", "upgrade"})
    EXPECT_THAT(errors_with(rule(bad)), HasSubstr("is the gateway's own or never passes")) << bad;
  for (const char* bad : {"authorization", "cookie", "private-token", "x-api-key", "x-auth-token",
                          "proxy-authorization", "x-amz-security-token"})
    EXPECT_THAT(errors_with(rule(bad)), HasSubstr("write a [[credential]]")) << bad;
}

TEST(ProfileLanguage, NetworkAddressesArePrivateNetworks) {
  const auto network = [](const std::string& text) {
    return "[[network]]\nhost = \"a.b\"\nports = [443]\naddresses = [\"" + text + "\"]\n";
  };
  for (const char* good : {"10.0.0.0/8", "10.20.0.0/16", "192.168.1.7/32", "100.64.0.0/10",
                           "203.0.113.0/24", "fd00::/8", "fc00::/7", "2001:db8::/48"})
    EXPECT_EQ(minimal_with(network(good)).networks[0].addresses[0].text, good);
  for (const char* bad : {"", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10/8",
                          "fd00:0::/8", "FD00::/8", "010.0.0.0/8", "10.0.0.0/8 ", "a.b/8",
                          "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8"})
    EXPECT_THAT(errors_with(network(bad)), HasSubstr("network.addresses: is no network")) << bad;
  for (const char* bad : {"0.0.0.0/0", "10.0.0.0/7", "127.0.0.0/8", "169.254.169.254/32",
                          "8.8.8.0/24", "::/0", "fe80::/10", "::1/128", "224.0.0.0/4"})
    EXPECT_THAT(errors_with(network(bad)), HasSubstr("is no private network")) << bad;
}

TEST(ProfileLanguage, NetworkWaiverNamesPersonAndReason) {
  const auto network = [](const std::string& text) {
    return "[[network]]\nhost = \"a.b\"\nports = [443]\nwaiver = { " + text + " }\n";
  };
  EXPECT_EQ(minimal_with(network("by = \"lena\", reason = \"ours\"")).networks[0].waiver,
            (model::Waiver{"lena", "ours", {9, 1}}));
  EXPECT_THAT(errors_with(network("reason = \"ours\"")),
              HasSubstr("\"network.waiver.by\" is missing"));
  EXPECT_THAT(errors_with(network("by = \"lena\"")),
              HasSubstr("\"network.waiver.reason\" is missing"));
  EXPECT_THAT(errors_with(network("by = \"Lena M\", reason = \"ours\"")),
              HasSubstr("network.waiver.by is no name"));
  EXPECT_THAT(errors_with(network("by = \"lena\", reason = \" \"")),
              HasSubstr("network.waiver.reason is empty"));
}

TEST(ProfileLanguage, HeaderCredentialsSayHowTheyArePutIn) {
  const auto header = [](const std::string& more) {
    return "[[credential]]\nname = \"c\"\nkind = \"header\"\nfrom = \"secret:a\"\n" + more;
  };
  EXPECT_EQ(minimal_with(header("")).credentials[0].inject, "bearer");
  EXPECT_EQ(to_canonical(minimal_with(header("inject = \"bearer\"\n"))),
            to_canonical(minimal_with(header(""))));
  EXPECT_EQ(minimal_with(header("inject = \"private-token\"\n")).credentials[0].inject,
            "private-token");
  EXPECT_EQ(minimal_with(header("inject = \"basic\"\nuser = \"u@x\"\n")).credentials[0].user,
            "u@x");
  EXPECT_THAT(errors_with(header("inject = \"basic\"\n")),
              HasSubstr("\"credential.user\" is missing"));
  EXPECT_THAT(errors_with(header("inject = \"basic\"\nuser = \"a:b\"\n")),
              HasSubstr("credential.user has a colon"));
  EXPECT_THAT(errors_with(header("user = \"a\"\n")),
              HasSubstr("credential.user is for inject = \"basic\""));
  for (const char* bad : {"host", "proxy-authorization", "content-length", "connection"})
    EXPECT_THAT(errors_with(header("inject = \"" + std::string(bad) + "\"\n")),
                HasSubstr("is a header of the connection"))
        << bad;
  for (const char* bad : {"", "Bearer", "a b", "a:"})
    EXPECT_THAT(errors_with(header("inject = \"" + std::string(bad) + "\"\n")),
                HasSubstr("credential.inject is no way"))
        << bad;
  EXPECT_THAT(errors_with("[[credential]]\nname = \"c\"\nkind = \"header\"\nfrom = \"ca:a\"\n"),
              HasSubstr("credential.from is a ca"));
  for (const char* more : {"inject = \"bearer\"\n", "user = \"a\"\n"})
    EXPECT_THAT(errors_with("[[credential]]\nname = \"c\"\naudience = \"x\"\n" + std::string(more)),
                HasSubstr("is for kind = \"header\""))
        << more;
}

TEST(ProfileLanguage, CredentialsAreIssuedAtTheStartOrOnRequest) {
  const auto credential = [](const std::string& more) {
    return "[[credential]]\nname = \"c\"\naudience = \"x\"\n" + more;
  };
  using model::CredentialIssue;
  EXPECT_EQ(minimal_with(credential("")).credentials[0].issue, CredentialIssue::kStart);
  const auto asked = minimal_with(credential("issue = \"request\"\n"));
  EXPECT_EQ(asked.credentials[0].issue, CredentialIssue::kRequest);
  EXPECT_THAT(to_canonical(asked),
              HasSubstr(R"({"audience":"x","issue":"request","kind":"jwt","name":"c","ttl":120})"));
  EXPECT_EQ(to_canonical(minimal_with(credential("issue = \"start\"\n"))),
            to_canonical(minimal_with(credential(""))));
  EXPECT_THAT(errors_with(credential("issue = \"never\"\n")), HasSubstr("credential.issue"));
}

TEST(ProfileLanguage, CredentialsSayWhereTheyComeFrom) {
  const auto credential = [](const std::string& more) {
    return "[[credential]]\nname = \"c\"\n" + more;
  };
  EXPECT_EQ(
      minimal_with(credential("kind = \"header\"\nfrom = \"secret:a\"\n")).credentials[0].from,
      "secret:a");
  for (const char* kind : {"ssh-certificate", "x509", "file"}) {
    const std::string line = "kind = \"" + std::string(kind) + "\"\n";
    EXPECT_EQ(minimal_with(credential(line + "from = \"ca:a\"\n")).credentials[0].from, "ca:a");
    EXPECT_THAT(errors_with(credential(line)), HasSubstr("\"credential.from\" is missing"));
    EXPECT_THAT(errors_with(credential(line + "from = \"ca:a\"\naudience = \"x\"\n")),
                HasSubstr("credential.audience is for a jwt"));
  }
  EXPECT_THAT(errors_with(credential("audience = \"x\"\nfrom = \"secret:a\"\n")),
              HasSubstr("credential.from is for other kinds"));
  for (const char* bad : {"", "a", "secret:", "secret:A", "vault:a", "secret:a/b"})
    EXPECT_THAT(errors_with(credential("kind = \"file\"\nfrom = \"" + std::string(bad) + "\"\n")),
                HasSubstr("credential.from is no source"));
  EXPECT_EQ(minimal_with(credential("kind = \"header\"\nfrom = \"secret:a\"\nttl = \"1h\"\n"))
                .credentials[0]
                .ttl_s,
            3600U);
  EXPECT_THAT(errors_with(credential("kind = \"file\"\nfrom = \"ca:a\"\nttl = \"11m\"\n")),
              HasSubstr("credential.ttl"));
}

TEST(ProfileLanguage, SubmitNamesRefsAndReviewers) {
  const auto submit = [](const std::string& text) { return "submit = { " + text + " }\n"; };
  const auto read = parsed_whole(
      with_repository(submit("refs = \"refs/heads/in/{task}/*\", reviewers = [\"b\", \"a\"]")));
  ASSERT_TRUE(read.repositories[0].submit);
  EXPECT_EQ(read.repositories[0].submit->refs, "refs/heads/in/{task}/*");
  EXPECT_FALSE(read.repositories[0].submit->two_person);
  for (const char* bad :
       {"", "main", "refs/heads/*/x", "refs/tags/x", "refs/heads/{user}/..", "refs/heads/a b"})
    EXPECT_THAT(errors_of_whole(with_repository(submit("refs = \"" + std::string(bad) + "\""))),
                HasSubstr("repository.submit.refs is no place"))
        << bad;
  EXPECT_THAT(errors_of_whole(with_repository(submit("reviewers = [\"a\"]"))),
              HasSubstr("\"repository.submit.refs\" is missing"));
  EXPECT_THAT(errors_of_whole(with_repository(submit("refs = \"refs/heads/x\", two_person = 1"))),
              HasSubstr("is an integer; write two_person = true"));
}

TEST(ProfileLanguage, ForwardIsAPort) {
  EXPECT_EQ(minimal_with("[[forward]]\nport = 65535\n").forwards[0].port, 65535);
  for (const char* bad : {"0", "65536", "-1", "\"80\""})
    EXPECT_THAT(errors_with("[[forward]]\nport = " + std::string(bad) + "\n"),
                HasSubstr("forward.port"));
  EXPECT_THAT(errors_with("[[forward]]\n"), HasSubstr("\"forward.port\" is missing"));
  EXPECT_THAT(errors_with("[[forward]]\nport = 1\n[[forward]]\nport = 1\n"),
              HasSubstr("[[forward]] \"1\" stands there twice"));
}

TEST(ProfileLanguage, RetentionKeepsContentsNoLongerThanTheRecord) {
  const auto retention = minimal_with("[retention]\nworkspace = \"14d\"\n").retention;
  EXPECT_EQ(retention.workspace_s, 1209600U);
  EXPECT_EQ(retention.workspace_line, (model::SourceLine{7, 1}));
  EXPECT_EQ(retention.record_s, 0U);
  EXPECT_THAT(errors_with("[retention]\nrecord = \"1d\"\ncontents = \"2d\"\n"),
              HasSubstr("p.toml:8:1: retention.contents is longer"));
  EXPECT_THAT(errors_with("[retention]\nrecord = \"101y\"\n"), HasSubstr("1s to 100y"));
}

TEST(ProfileLanguage, InterfacesArePathsOfAKind) {
  const auto read =
      minimal_with("[[interface]]\nname = \"api\"\nkind = \"mock\"\npath = \"a/b\"\n").interfaces;
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0], (model::Interface{"api", model::InterfaceKind::kMock, "a/b", {6, 1}}));
  EXPECT_THAT(errors_with("[[interface]]\nname = \"api\"\npath = \"../b\"\n"),
              HasSubstr("interface.path"));
}

TEST(ProfileLanguage, WidenNamesRuleReasonAndPerson) {
  EXPECT_THAT(errors_with("[[widen]]\nof = \"a:b\"\n"), HasSubstr("\"widen.reason\" is missing"));
  EXPECT_THAT(errors_with("[[widen]]\nof = \"a:b\"\nreason = \"r\"\n"),
              HasSubstr("\"widen.approved_by\" is missing"));
  for (const char* bad : {"a", ":a", "a:"})
    EXPECT_THAT(errors_with("[[widen]]\nof = \"" + std::string(bad) +
                            "\"\nreason = \"r\"\napproved_by = \"l\"\n"),
                HasSubstr("widen.of names no rule"))
        << bad;
}

TEST(ProfileLanguage, PackagesAreNames) {
  for (const char* bad : {"", "a", "Gcc", "gcc=1", "a b", "../x"})
    EXPECT_THAT(errors_with("[toolchain]\npackages = [\"" + std::string(bad) + "\"]\n"),
                HasSubstr("is no package"));
}

}  // namespace
}  // namespace carrel::parse
