// The types of `signaling-spec`, written by hand until `cargo run -p xtask -- codegen` writes this file.

export type DisplayHealth = "live" | "gone" | "no_encoder";
export type EndReason = "closed" | "dismissed" | "replaced" | "revoked" | "lost" | "stopping" | "policy" | "error";
export type ErrorBody = { code: Refusal, message: string, };
export type Fingerprint = string;
export type FrameTrace = { rtp: number, capture_ms: number, encode_ms: number, at_ms: number, };
export type FromHost = { "type": "hello", viewer: ViewerId, rights: Rights, host_name: string, } | { "type": "heartbeat", n: number, } | { "type": "pong", t: number, } | { "type": "display.state", width: number, height: number, resizable: boolean, state: DisplayHealth, } | { "type": "cursor.shape", id: number, width: number, height: number, hot_x: number, hot_y: number, png: string, } | { "type": "cursor.use", id: number | null, } | { "type": "viewers", list: Array<ViewerInfo>, } | { "type": "video.state", codec: string, encoder: string, max_kbps: number | null, } | { "type": "video.trace", frames: Array<FrameTrace>, } | { "type": "refused", code: Refusal, ref: string, };
export type FromViewer = { "type": "display.resize", width: number, height: number, } | { "type": "quality.limit", max_kbps: number | null, } | { "type": "page.hidden", hidden: boolean, } | { "type": "video.refresh", } | { "type": "viewer.dismiss", viewer: ViewerId, } | { "type": "ping", t: number, };
export type HostId = string;
export type IceServer = { urls: Array<string>, username?: string, credential?: string, };
export type KeyHash = string;
export type Negotiation = number;
export type Refusal = "unauthorized" | "token_expired" | "token_not_yet_valid" | "token_revoked" | "ticket" | "origin" | "malformed" | "unsupported" | "too_large" | "too_many" | "out_of_turn" | "forbidden" | "fingerprint" | "codec" | "full" | "host_offline" | "not_found" | "failed";
export type Right = "clipboard_to_host" | "clipboard_from_host" | "display_resize" | "input_keyboard" | "input_pointer" | "session_manage" | "view";
export type Rights = Right[];
export type Sdp = string;
export type SessionCreate = { viewer_fp: Fingerprint, viewer_nonce: string, resume?: SessionId, };
export type SessionCreated = { sid: SessionId, ticket: string, ice_servers: Array<IceServer>, host_id: HostId, host_name: string, host_pub: string, };
export type SessionId = string;
export type Signal = { "type": "session.request", sid: SessionId, subject: string, token: TokenId, rights: Rights, viewer_fp: Fingerprint, viewer_nonce: string, page?: string, local?: string, resume?: SessionId, } | { "type": "session.accept", sid: SessionId, host_fp: Fingerprint, rights: Rights, } | { "type": "session.reject", sid: SessionId, code: Refusal, } | { "type": "sdp.offer", sid: SessionId, negotiation: Negotiation, sdp: Sdp, caps: ViewerCaps, } | { "type": "sdp.answer", sid: SessionId, negotiation: Negotiation, sdp: Sdp, bind_sig: string, bind_iat: number, } | { "type": "ice.candidate", sid: SessionId, candidate: string, mid?: string, } | { "type": "ice.end", sid: SessionId, } | { "type": "session.end", sid: SessionId, reason: EndReason, } | { "type": "error", code: Refusal, ref?: string, };
export type TokenId = string;
export type ViewerCaps = { browser: string, size?: [number, number], };
export type ViewerId = number;
export type ViewerInfo = { viewer: ViewerId, subject: string, browser: string, controls: boolean, since: number, };
