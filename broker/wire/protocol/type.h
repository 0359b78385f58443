#pragma once
// The closed set of frame types. A number never changes its meaning.

#include <cstdint>

namespace carrel::protocol {

enum class Type : uint16_t {
  kFailure = 1,
  // carrel -> broker
  kOpenRequest = 10,
  kOpenReply = 11,
  kListRequest = 12,
  kListReply = 13,
  kRecordRequest = 14,
  kRecordReply = 15,
  kWorkspacesRequest = 16,
  kWorkspacesReply = 17,
  kStatusRequest = 18,
  kStatusReply = 19,
  kOrderRequest = 20,
  kOrderReply = 21,
  kAttachRequest = 22,  // with the stream socket
  kAttachReply = 23,
  kCertificateRequest = 24,
  kCertificateReply = 25,
  // carrel -> launcher
  kLaunchRequest = 30,
  kStarted = 31,
  kEnded = 32,
  kEndWorkspaceRequest = 33,
  kEndWorkspaceReply = 34,
  // stdio stream
  kStdin = 50,
  kStdinEnd = 51,
  kResize = 52,
  kSignal = 53,
  kStdout = 54,
  kStderr = 55,
  kNotice = 56,
  kChannelStarted = 58,  // Started: an attached command runs
  kChannelEnded = 59,    // Ended: it has ended, or the first one has while others go on
  kHint = 57,            // as kNotice, but dim where the terminal can
  // launcher <-> broker
  kBrokerReady = 70,
  kConfirmTicket = 71,
  kSessionSpec = 72,
  kSessionStart = 73,
  kSessionGone = 74,
  kAck = 75,
  kConfirmEnd = 76,
  kEndGranted = 77,
  kWorkspaceErased = 78,
  kDueRequest = 79,
  kDueReply = 80,
  // session <-> broker
  kSegmentBlock = 90,
  kSeal = 91,
  kSealed = 92,
  kBlobPart = 93,
  kBlobStored = 94,
  kMintCredential = 95,
  kMinted = 96,
  kEndSession = 97,  // launcher -> session as well, no body
  kSessionState = 98,
  kSessionOrder = 99,
  kSessionAttach = 100,  // to the session, with the stream socket
  // launcher <-> session
  kSessionConfig = 110,
  kRecorded = 111,
  kGo = 112,
  kFinished = 113,
  kWorkspace = 119,   // no body; a pidfd of carrel-init, where there is no control group
  kStartSsh = 120,    // session -> launcher
  kSshStarted = 121,  // launcher -> session, with its descriptors
  kGatewayBack =
      122,  // to the session: a channel to another gateway, or none; from it: that one has gone
  // carrel -> broker, tasks
  kTaskCreateRequest = 130,
  kTaskReply = 131,
  kTasksRequest = 132,
  kTasksReply = 133,
  kTaskEndRequest = 134,
  kTaskEndReply = 135,
  kTaskProfileRequest = 136,
  kTaskProfileReply = 137,
  kAgreementNeeded = 138,
  // launcher -> session
  kHostSpace = 140,  // host_space.h
  // launcher <-> gateway; kGo as well
  kGatewayConfig = 150,
  kGatewayReady = 151,
  // gateway <-> session
  kGatewayEvent = 152,  // gateway -> session
  kGatewayLease = 153,  // session -> gateway, as the two below
  kGatewayGrant = 154,
  kGatewayEnd = 155,    // no body: cut every connection, take none
  kGatewayEnded = 156,  // gateway -> session, no body: none is left
  // broker <-> carrel-secrets
  kSecretRequest = 170,
  kSecretReply = 171,
  kSecretsChannel =
      172,  // launcher -> broker, no body; its end of the channel to another carrel-secrets
  // requests for more, and what becomes of them
  kGrantRequest = 157,  // session -> broker
  kGrantAnswer = 158,   // broker -> session
  // carrel -> broker
  kApprovalsRequest = 159,
  kApprovalsReply = 160,
  kDecideRequest = 161,
  kDecideReply = 162,
  kTokenRequest = 163,
  kTokenReply = 164,
  // session -> gateway, and back at once, no body: is it there?
  kGatewayThere = 165,
};

}  // namespace carrel::protocol
