// The types of the protocol. Generated from `signaling-spec` by `cargo run -p xtask -- codegen`; do not edit.

/**
 * A workstation that can be viewed. Stable across restarts.
 */
export type HostId = string;

/**
 * SHA-256 of a host's Ed25519 public key (32 raw bytes), in base64url without padding: 43 characters.
 */
export type KeyHash = string;

/**
 * One viewer's stay on one host, from admission to `session.end`. 22 characters of base64url. Never reused.
 */
export type SessionId = string;

/**
 * Names one issued token in lists and logs; it opens nothing.
 */
export type TokenId = string;

/**
 * A viewer's number on one host, as other viewers see it. Never reused while the agent runs.
 */
export type ViewerId = number;

/**
 * Counts offers within a session; an answer names the offer that it answers.
 */
export type Negotiation = number;

/**
 * SHA-256 of a DTLS certificate (RFC 8122), as upper-case hex bytes joined by colons: 95 characters.
 */
export type Fingerprint = string;

/**
 * SDP text (RFC 8866). It holds ICE passwords and addresses, so `Debug` shows its size only.
 */
export type Sdp = string;

/**
 * One permission. The agent checks it at every message; the page only greys out what would be refused.
 */
export type Right = "clipboard_to_host" | "clipboard_from_host" | "display_resize" | "files_to_host" | "files_from_host" | "input_keyboard" | "input_pointer" | "microphone" | "session_manage" | "sound" | "view";

/**
 * A set of rights; on the wire a list of names without repeats.
 */
export type Rights = Right[];

/**
 * Why a message, a call or a socket was refused. Stable: programs may depend on it.
 */
export type Refusal = "unauthorized" | "token_expired" | "token_not_yet_valid" | "token_revoked" | "ticket" | "origin" | "malformed" | "unsupported" | "too_large" | "too_many" | "out_of_turn" | "forbidden" | "fingerprint" | "codec" | "full" | "host_offline" | "consent" | "factor" | "not_found" | "failed";

/**
 * Why a session ended.
 */
export type EndReason = "closed" | "dismissed" | "replaced" | "revoked" | "lost" | "stopping" | "policy" | "error";

/**
 * A STUN or TURN server as `RTCPeerConnection` takes it.
 */
export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

/**
 * A network card of a host that listens for a wake-up while the host sleeps.
 */
export type Link = {
/**
 * Its hardware address, as `00:1a:2b:3c:4d:5e`.
 */
mac: string,
/**
 * The network that it is in, as `192.0.2.0/24`.
 */
net: string, };

/**
 * What the viewer's browser offers beyond its SDP.
 */
export type ViewerCaps = {
/**
 * Name and major version of the browser, for the list of viewers, e.g. `Firefox 153`.
 */
browser: string,
/**
 * Wanted size of the desktop in device pixels, `[width, height]`.
 */
size?: [number, number],
/**
 * Device pixels to a CSS pixel, in percent: what text is to be drawn for.
 */
density?: number, };

/**
 * A field of an event: never content, never a secret.
 */
export type EventField = { name: string, value: string, };

/**
 * One signalling frame. `README.md` says who may send what, and when.
 *
 * Unknown fields are ignored, so that a newer peer may say more. An unknown `type` is answered with
 * `error{unsupported}` and the socket stays open.
 */
export type Signal = { "type": "session.request", sid: SessionId,
/**
 * Who, for the list of viewers and the audit log.
 */
subject: string, token: TokenId, rights: Rights, viewer_fp: Fingerprint, viewer_nonce: string,
/**
 * `HOST:PORT` of the page as the viewer's browser wrote it (RFC 9110 §7.2); an address that
 * surely reaches the router.
 */
page?: string,
/**
 * `ADDRESS:PORT` on which the router took the viewer's connection.
 */
local?: string,
/**
 * The session that this one replaces.
 */
resume?: SessionId,
/**
 * The router's signature under all of this ([`crate::claims::GrantClaims`]), where router and host are not
 * one process.
 */
grant?: string,
/**
 * STUN and TURN servers for the host, with credentials of its own.
 */
ice_servers?: Array<IceServer>,
/**
 * Neither side may show the other an address of its own (RFC 8828 §5.2, mode 4): relays only.
 */
relay_only?: boolean,
/**
 * What the person at the host is owed before this viewer comes in.
 */
consent?: Consent, } | { "type": "session.lease", sid: SessionId, seconds: number, } | { "type": "host.status", name: string, version: string, sessions: Array<SessionId>,
/**
 * By which another host of its network could wake this one.
 */
links?: Array<Link>, } | { "type": "session.waiting", sid: SessionId, seconds: number, } | { "type": "session.accept", sid: SessionId, host_fp: Fingerprint, rights: Rights, } | { "type": "session.reject", sid: SessionId, code: Refusal, } | { "type": "sdp.offer", sid: SessionId, negotiation: Negotiation, sdp: Sdp, caps: ViewerCaps, } | { "type": "sdp.answer", sid: SessionId, negotiation: Negotiation, sdp: Sdp,
/**
 * Ed25519, 64 bytes in base64url.
 */
bind_sig: string,
/**
 * When it was signed, in seconds since 1970.
 */
bind_iat: number, } | { "type": "ice.candidate", sid: SessionId, candidate: string, mid?: string, } | { "type": "ice.end", sid: SessionId, } | { "type": "session.end", sid: SessionId, reason: EndReason, } | { "type": "error", code: Refusal,
/**
 * `type` of the refused message, where it was readable.
 */
ref?: string, } | { "type": "host.event",
/**
 * One of [`HOST_EVENTS`].
 */
code: string,
/**
 * When, by the host's clock, in seconds since 1970.
 */
at: number, fields: Array<EventField>,
/**
 * So many before it found no place while the router was away, or came too fast.
 */
lost: number, } | { "type": "host.wake", macs: Array<string>, } | { "type": "host.frames",
/**
 * Frames that were made, with their steps here.
 */
made: number,
/**
 * From the word of a change to its capture.
 */
capture_us: number, convert_us: number, encode_us: number, send_us: number,
/**
 * Frames of which pages told, with their steps there.
 */
shown: number, way_us: number, decode_us: number, show_us: number,
/**
 * From the change to its sight.
 */
age_us: number, };

/**
 * Viewer → host.
 */
export type FromViewer = { "type": "display.resize", width: number, height: number, density: number, asked: boolean, } | { "type": "quality.limit", max_kbps: number | null, } | { "type": "page.hidden", hidden: boolean, } | { "type": "video.refresh", } | { "type": "viewer.dismiss", viewer: ViewerId, } | { "type": "clip.offer", serial: number, formats: Array<ClipFormat>, } | { "type": "clip.get", transfer: number, serial: number, format: ClipFormat, max: number, } | { "type": "file.put", transfer: number, path: string, size: number,
/**
 * Milliseconds since 1970.
 */
modified: number, } | { "type": "file.done", transfer: number, sum: string, } | { "type": "file.folder", transfer: number, path: string, } | { "type": "file.browse", path: string, after: string | null, } | { "type": "file.get", transfer: number, path: string, from: number, } | { "type": "sound.listen", on: boolean, } | { "type": "microphone.use", on: boolean, } | { "type": "control.ask", } | { "type": "control.give", viewer: ViewerId, } | { "type": "control.decline", viewer: ViewerId, } | { "type": "control.take", } | { "type": "control.release", } | { "type": "control.stop", } | { "type": "ping", t: number, } | { "type": "quality.save", on: boolean, } | { "type": "video.shown", frames: number,
/**
 * From the transport to this page.
 */
way_us: number, decode_us: number,
/**
 * From the decoder to the display.
 */
show_us: number,
/**
 * From the change on the screen to its sight.
 */
age_us: number, };

/**
 * Host → viewer.
 */
export type FromHost = { "type": "hello", viewer: ViewerId, rights: Rights, host_name: string, } | { "type": "heartbeat", n: number, rtp: number | null, } | { "type": "pong", t: number, at_ms: number, } | { "type": "display.state", width: number, height: number,
/**
 * Whether it takes another size when it is asked to.
 */
resizable: boolean,
/**
 * Whether it takes the size of a viewer's window unasked, because nobody sits at it.
 */
follows: boolean, state: DisplayHealth,
/**
 * The monitors that make up the picture, from the left; one that is the whole of it is not named.
 */
monitors: Array<Monitor>, } | { "type": "cursor.shape", id: number, width: number, height: number, hot_x: number, hot_y: number, png: string, } | { "type": "cursor.use", id: number | null, } | { "type": "viewers", list: Array<ViewerInfo>, } | { "type": "control.state", mode: ControlMode,
/**
 * In the mode `held`, who has the lease.
 */
holder: ViewerId | null, asking: Array<ViewerId>, } | { "type": "pointer.at", viewer: ViewerId, at: [number, number] | null, } | { "type": "video.state", codec: string, encoder: string, max_kbps: number | null, } | { "type": "video.trace", frames: Array<FrameTrace>, } | { "type": "clip.copied", serial: number, formats: Array<ClipFormat>, other: boolean, } | { "type": "clip.taken", serial: number, } | { "type": "clip.want", transfer: number, serial: number, format: ClipFormat, } | { "type": "file.ready", transfer: number, from: number, } | { "type": "file.stored", transfer: number, path: string, } | { "type": "file.begin", transfer: number, size: number, modified: number, } | { "type": "file.sum", transfer: number, sum: string, } | { "type": "file.list", path: string, entries: Array<FileEntry>, more: boolean, } | { "type": "sound.state", state: SoundHealth, microphone: ViewerId | null, } | { "type": "refused", code: Refusal, ref: string, } | { "type": "pointer.held", };

/**
 * Whether there is anything to show.
 */
export type DisplayHealth = "live" | "gone" | "no_encoder" | "asleep" | "locked" | "unsuitable";

/**
 * Whether there is anything to hear.
 */
export type SoundHealth = "idle" | "live" | "missing" | "off";

/**
 * Whose keys and pointer reach the host.
 */
export type ControlMode = "free" | "held" | "stopped" | "blocked";

/**
 * What the person at the host is owed before a viewer comes in; the later is stricter.
 */
export type Consent = "notify" | "ask";

/**
 * A part of the picture that is one monitor's.
 */
export type Monitor = {
/**
 * As the host calls it, such as `DP-1`.
 */
name: string, x: number, y: number, width: number, height: number, primary: boolean, };

/**
 * One line of the list of viewers.
 */
export type ViewerInfo = { viewer: ViewerId, subject: string, browser: string,
/**
 * May press keys or buttons.
 */
controls: boolean,
/**
 * Seconds since it came.
 */
since: number, };

/**
 * The way of one frame through the host.
 */
export type FrameTrace = {
/**
 * RTP timestamp, as `requestVideoFrameCallback` shows it.
 */
rtp: number,
/**
 * Milliseconds from the word of a change on the screen to its capture.
 */
capture_ms: number,
/**
 * For the capture and its conversion to the encoder's format.
 */
convert_ms: number, encode_ms: number,
/**
 * From the encoder to the transport.
 */
send_ms: number,
/**
 * When the capture began on the host's clock, in milliseconds since 1970.
 */
at_ms: number, };

/**
 * One form of what was copied, by its MIME type; text is UTF-8 with `\n` for line ends.
 */
export type ClipFormat = "text/plain" | "text/html" | "image/png";

/**
 * One entry of a folder.
 */
export type FileEntry = {
/**
 * Its name in that folder.
 */
name: string, folder: boolean,
/**
 * Bytes; 0 for a folder.
 */
size: number,
/**
 * Milliseconds since 1970.
 */
modified: number, };

/**
 * `POST /api/v1/sessions`, with `Authorization: Bearer <access token>`.
 */
export type SessionCreate = {
/**
 * The certificate that the viewer will use in DTLS; the session is bound to it.
 */
viewer_fp: Fingerprint,
/**
 * 16 to 64 random bytes in base64url, chosen by the viewer; the host signs it.
 */
viewer_nonce: string,
/**
 * The session that this one replaces after a lost connection.
 */
resume?: SessionId, };

/**
 * The answer: a seat, and the one-time ticket that takes it within 30 seconds.
 */
export type SessionCreated = { sid: SessionId, ticket: string, ice_servers: Array<IceServer>,
/**
 * The viewer takes relays only (`iceTransportPolicy`, W3C WebRTC §4.2.3).
 */
relay_only?: boolean, host_id: HostId, host_name: string,
/**
 * The host's Ed25519 public key, 32 bytes in base64url. Its SHA-256 must equal the link's `k`.
 */
host_pub: string,
/**
 * How the host came from its earlier keys to this one, the oldest first; for whoever remembers an earlier one.
 */
key_chain?: Array<Succession>, };

/**
 * A host's word, by both of its keys, that one follows the other (`bind.rs` in `session-core` has the signed bytes).
 */
export type Succession = {
/**
 * Ed25519, 32 bytes in base64url.
 */
old_pub: string, new_pub: string,
/**
 * When it was signed, in seconds since 1970.
 */
iat: number,
/**
 * By the old key, 64 bytes in base64url.
 */
old_sig: string, new_sig: string, };

/**
 * The body of every refusal.
 */
export type ErrorBody = {
/**
 * Stable: programs may depend on it.
 */
code: Refusal,
/**
 * For people; may change.
 */
message: string, };
