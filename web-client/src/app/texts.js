/**
 * Every word that the page says, by key. Error texts say what happened, who can mend it, and a code.
 */

import { TEAM_TEXTS } from "./team-texts.js";

const TEXTS = /** @type {const} */ ({
  "app.name": "REMOVID",

  "login.title": "Connect to {host}",
  "login.field": "Access token or link",
  "login.connect": "Connect",
  "login.how": "Open the link that the workstation printed, or paste it here. “removid token new” on the workstation makes a new one.",
  "login.certificate":
    "Did the browser warn about the certificate? A workstation without a public name shows one of its own. That is expected, and what you see is protected by the key in your link all the same.",
  "login.empty": "Paste the token or the whole link.",
  "login.unreadable": "This is neither a token nor a link. Copy it again from where the workstation printed it; both its ends matter. [E-LINK]",
  "login.elsewhere": "This link belongs to {host}. Open it in the address bar. [E-ELSEWHERE]",
  "login.unauthorized": "The token is not one of this host’s: it is for another host, or the host’s keys were made anew. Whoever runs the workstation can make a new one. [E-TOKEN]",
  "login.token_expired": "The time of your token is over. Whoever runs the workstation can make a new link. [E-EXPIRED]",
  "login.token_not_yet_valid":
    "Your token comes from the host’s future: one of the two clocks is wrong. Whoever runs the workstation can set its clock, or make a new link. [E-CLOCK]",
  "login.token_revoked": "Your token was withdrawn. Whoever runs the workstation can make a new link. [E-WITHDRAWN]",
  "login.revoked": "The token was withdrawn or has expired. Whoever runs the workstation can make a new one. [E-REVOKED]",

  "start.title": "Log in",
  "start.with": "Log in with {name}",
  "start.passkey": "Use a passkey",
  "start.header": "Log in",
  "start.none": "This router knows no provider to log in with. Whoever runs it names one in its configuration. [E-PROVIDER]",
  "start.unreachable": "The router does not answer. Check your network, then try again. [E-ROUTER]",
  "start.again": "Try again",
  "problem.stale_login": "That login was begun in another browser, was used already, or took too long. Begin it again. [E-STALE]",
  "problem.declined": "The provider did not let you in. Try again, or ask whoever manages it. [E-DECLINED]",
  "problem.login_refused": "What the provider said could not be believed, so nobody was let in. The router’s log has the cause for whoever runs it. [E-IDTOKEN]",
  "problem.provider_unreachable": "The provider does not answer the router. Try again in a moment; whoever runs the router finds the cause in its log. [E-IDP]",
  "problem.no_provider": "There is no such provider here. Choose one of these. [E-PROVIDER]",
  "problem.too_many": "There were too many attempts from your network. Wait a minute. [E-RATE]",
  "problem.login_required": "Your login is over. Log in again. [E-LOGIN]",
  "problem.step_up_required": "Before the first passkey, the provider has to ask you once more who you are.",
  "problem.step_up_refused": "The provider did not say that you proved just now who you are. Try again; if it stays so, whoever runs the router finds more in its log. [E-STEPUP]",
  "problem.other_account": "The provider knows you as somebody else than whoever is logged in here. Log out first. [E-OTHER]",
  "problem.passkey_required": "Show a passkey of yours first. [E-PASSKEY]",
  "problem.passkey_refused": "The passkey was refused. Try again, or take another one. [E-PASSKEY]",
  "problem.passkey_none": "There was no passkey: the prompt was closed, or none of yours fits. Try again. [E-NOPASSKEY]",
  "problem.passkey_known": "That device has a passkey of yours already.",
  "problem.passkeys_unsupported": "This browser is too old for passkeys. Update it, or take another one. [E-BROWSER]",
  "problem.no_passkeys": "This router has no passkeys: its address is a number, and they belong to names. Whoever runs it can give it a name. [E-NAME]",
  "problem.too_many_passkeys": "You have as many passkeys as one may have. Remove one first. [E-MANY]",
  "problem.user_code": "No host waits under this code. See what it shows now; a code is good for ten minutes. [E-CODE]",
  "problem.host_known": "This host is enrolled already. Remove it first, then let it ask again. [E-KNOWN]",
  "problem.invite": "This invitation is unknown, was used, or is older than a day. Ask whoever sent it for a new one. [E-INVITE]",
  "problem.share": "This link is unknown, has ended, or was used by as many people as it was for. Ask whoever sent it for a new one. [E-SHARE]",
  "problem.too_many_shares": "You have as many shares as one may have. End one first. [E-SHARES]",
  "problem.too_many_invites": "You have as many open invitations as one may have. They are good for a day. [E-INVITES]",
  "problem.too_many_enroll_tokens": "You have as many open enrolment tokens as one may have. Take one back, or wait an hour. [E-TOKENS]",
  "problem.too_fast": "Too much was asked for in a short time. Try again in a moment. [E-FAST]",
  "problem.proxy": "The access proxy before this router did not say who you are. Whoever runs it has to look at its headers. [E-PROXY]",
  "problem.last_passkey": "This is your only passkey, and your only way to log in. Register another one first. [E-LAST]",
  "problem.database": "The router’s database does not answer. Whoever runs it has to see to that. [E-DATABASE]",
  "problem.disk_full": "The router’s disk is full. Whoever runs it has to make room; it goes on by itself then. [E-DISK]",
  "problem.audit_unwritten": "What happens on this host has to be written down, and cannot be now. Whoever runs the router has to see to that. [E-AUDIT]",
  "problem.no_neighbour": "No other host of the team is awake in its network to wake it. Switch it on by hand. [E-NONEIGHBOUR]",
  "problem.not_found": "There is nothing under this address, or it is not for you. Check the link, or ask whoever gave it to you. [E-NOTFOUND]",
  "problem.no_host": "There is no such host, or no role of yours covers it and nobody shares it with you (any more). Check the link; an administrator can give you a role that covers it. [E-HOST]",
  "problem.forbidden": "None of your roles permits this. An administrator can give you one that does. [E-FORBIDDEN]",
  "problem.origin": "This call came from another site and was refused. Begin at the start page. [E-ORIGIN]",
  "problem.stopping": "The router is shutting down or restarts. Try again in a moment. [E-STOPPING]",
  "problem.internal": "Something went wrong at the router. Its log has the cause for whoever runs it. [E-INTERNAL]",
  "problem.unreachable": "The router does not answer. Check your network, then try again. [E-ROUTER]",
  "problem.locked": "An administrator has locked this. [E-LOCK]",
  "problem.malformed": "The address is not one that the router understands. Check the link. [E-MALFORMED]",
  "problem.malformed_why": "That cannot be: {why} [E-MALFORMED]",
  "problem.logged_out": "You are logged out.",
  "problem.other": "That did not work. Try again. [E-{code}]",

  "hosts.title": "Hosts",
  "hosts.search": "Search",
  "hosts.empty": "No host is yours to use. An administrator can give you a role that covers one.",
  "hosts.none_found": "No host fits “{text}”.",
  "hosts.open": "Open",
  "hosts.open_who": "Open {name}",
  "hosts.online": "Online",
  "hosts.offline": "Offline",
  "hosts.locked": "Locked: {reason}",
  "hosts.seen_now": "seen just now",
  "hosts.seen": "seen {when}",
  "hosts.never": "never seen",
  "hosts.viewers": "Watched by {names}",
  "hosts.wake": "Wake",
  "hosts.wake_who": "Wake {name}",
  "hosts.woken": "waking up, which may take a minute or two",
  "hosts.share": "Share…",
  "hosts.shared": "Shared by {name} until",
  "hosts.no_view": "Your roles do not let you see it",
  "hosts.logout": "Log out",
  "hosts.logout_everywhere": "Log out everywhere",
  "hosts.account": "Logged in as {name}",
  "hosts.add": "Add a host",

  "hosts.passkeys": "Passkeys",

  "invite.title": "You are invited",
  "invite.how": "This link makes an account for {name}.",
  "invite.admin": "This link, for {name}, makes an administrator of this router.",
  "invite.passkey": "It needs a passkey: your device or key asks for your finger, face or PIN, and there is no password.",
  "invite.name": "Name of the passkey, for your list",
  "invite.make": "Make a passkey",
  "invite.accept": "Make {name} an administrator",
  "invite.login_first": "Log in first, then open the link once more.",

  "passkeys.title": "Your passkeys",
  "passkeys.how": "Some hosts ask for a passkey at each session. It stays on your device or key, which asks for your finger, face or PIN.",
  "passkeys.name": "Name of a new one",
  "passkeys.add": "Register a passkey",
  "passkeys.rename": "Name of the passkey {name}",
  "passkeys.made": "made on {day}",
  "passkeys.used": "used on {day}",
  "passkeys.remove": "Remove",
  "passkeys.remove_who": "Remove the passkey {name}",

  "title.asked": "One moment",
  "title.factor": "One more thing",
  "factor.show": "Use a passkey",
  "factor.register": "Register a passkey",
  "factor.step_up": "Log in again at the provider",

  "add.title": "Add a host",
  "add.or": "Or run “removid enroll {url}” there, and",
  "add.or_code": "type the code that it shows",
  "add.labels": "Labels, as name=value",
  "add.labels_how": "Roles find hosts by these, e.g. env=dev. Several are parted by blanks.",
  "add.make": "Make a token",
  "add.how": "On the new host, within an hour:",
  "add.copy": "Copy",
  "add.copied": "Copied",
  "add.wrong": "{why} [E-LABELS]",
  "add.close": "Close",

  ...TEAM_TEXTS,

  "state.local_network": "Your browser may ask whether this page may reach devices on your local network. Allow it: the host may be one of them. Without it the way leads over a relay, if there is one.",
  "state.connecting": "Connecting to {host}…",
  "state.live": "Connected to {host}.",
  "state.retry": "Still trying.",
  "action.again": "Connect again",
  "action.login": "Use another link",
  "action.play": "Show it",
  "action.close": "Close",

  "health.gone": "The host’s display went away. The agent looks for it; the picture comes back by itself. [E-DISPLAY]",
  "health.asleep": "The host’s screen went dark because nobody used it. Press a key or move the pointer to wake it. [E-ASLEEP]",
  "health.locked": "The host is locked. What you see is its lock: unlock it there with the password. [E-LOCKED]",
  "health.unsuitable": "The host’s display cannot be captured as it is set, for example because of its colour depth. Whoever runs the host finds the cause with “removid doctor”. [E-FORM]",
  "health.no_encoder": "No video encoder works on the host. Its agent tries again; whoever runs it finds the cause with “removid doctor”. [E-ENCODER]",

  "title.trouble": "The picture stands still",
  "title.asleep": "The host’s screen is asleep",
  "title.unreachable": "No connection yet",
  "title.ended": "The session is over",
  "title.unsafe": "Stopped for your safety",
  "title.browser": "This browser cannot show the desktop",

  "reason.silence": "Nothing has come from the host for a moment. The network may be interrupted; this page tries again by itself. [E-SILENCE]",
  "reason.transport": "The connection broke. This page makes a new one by itself. [E-TRANSPORT]",
  "reason.lost": "The host lost sight of this page. A new connection is being made. [E-LOST]",
  "reason.unreachable": "The host does not answer. Check that it runs and that your network reaches it. [E-UNREACHABLE]",
  "reason.host_offline": "The host is not connected at the moment. It may be switched off, asleep or restarting. [E-OFFLINE]",
  "reason.stopping": "The agent on the host stops or restarts. [E-STOPPING]",
  "reason.handshake": "A path to the host was found, but it carries small packets only; trying another way. [E-MTU]",
  "reason.local_network": "No path for the picture was found, and this browser does not let the page reach devices on your network, where the host may be. Allow the page “local network” in the browser’s settings for this site. [E-LOCALNET]",
  "reason.ice": "The host answers, but no path for the picture was found. Its port must be open for UDP or TCP; whoever runs the network can allow it. [E-PATH]",
  "reason.loopback": "The host offers only its own inner address, and this browser does not use that. Give the host a network address, or open the page under one. [E-LOOPBACK]",
  "reason.picture": "Connected, but no picture came that this browser can show. The host’s log has more. [E-PICTURE]",
  "reason.too_many": "There were too many attempts. The host takes new ones in a moment. [E-RATE]",
  "reason.overload": "The router is overloaded for the moment. [E-OVERLOAD]",
  "reason.ticket": "The ticket for the connection was too old. A new one is being asked for. [E-TICKET]",
  "reason.socket": "The connection to the host was cut while it was being made. [E-SOCKET]",
  "reason.error": "The host’s agent had an inner error. Its log has more. [E-HOST]",
  "reason.failed": "The host could not do it. Its log has more. [E-FAILED]",
  "reason.out_of_turn": "The host was not ready for this. [E-TURN]",

  "reason.opener": "The window that this one belongs to was closed or left the page. Open this window from there again. [E-OPENER]",
  "reason.closed": "You are disconnected.",
  "reason.dismissed": "Somebody who manages this host ended your session. [E-DISMISSED]",
  "reason.replaced": "This session goes on in another window. [E-REPLACED]",
  "reason.revoked": "Your access was withdrawn or has expired. Whoever runs the workstation can give you a new link. [E-REVOKED]",
  "reason.unauthorized": "The token is not one of this host’s: it is for another host, or the host’s keys were made anew. Whoever runs the workstation can make a new one. [E-TOKEN]",
  "reason.token_expired": "The time of your token is over. Whoever runs the workstation can make a new link. [E-EXPIRED]",
  "reason.token_not_yet_valid":
    "Your token comes from the host’s future: one of the two clocks is wrong. Whoever runs the workstation can set its clock, or make a new link. [E-CLOCK]",
  "reason.token_revoked": "Your token was withdrawn. Whoever runs the workstation can make a new link. [E-WITHDRAWN]",
  "reason.login_required": "Your login is over. Log in again. [E-LOGIN]",
  "reason.passkey_required": "This host asks for your passkey at each session. [E-PASSKEY]",
  "reason.passkey_refused": "The passkey was refused. Try again, or take another one. [E-PASSKEY]",
  "reason.passkey_missing": "This host asks for a passkey at each session, and you have none yet. [E-NOPASSKEY]",
  "reason.step_up_required": "This host wants your provider to ask you again who you are. [E-STEPUP]",
  "reason.no_passkeys": "This host asks for a passkey, and this router has none: its address is a number, and passkeys belong to names. Whoever runs it can give it a name. [E-NAME]",
  "reason.locked": "An administrator has locked this: no session begins or goes on. [E-LOCK]",
  "reason.database": "The router’s database does not answer. Whoever runs the router has to see to that. [E-DATABASE]",
  "reason.too_fast": "Too much was asked for in a short time. Try again in a moment. [E-FAST]",
  "reason.too_many_sessions": "You have as many sessions as one may have at a time. End one of them first. [E-SESSIONS]",
  "reason.disk_full": "The router’s disk is full: nobody new comes in. Whoever runs the router has to make room. [E-DISK]",
  "reason.audit_unwritten":
    "What happens on this host has to be written down, and cannot be now. Whoever runs the router has to see to that. [E-AUDIT]",
  "reason.forbidden": "This token does not permit to see the host. Whoever gave it to you can give one that does. [E-FORBIDDEN]",
  "reason.origin": "The host does not permit to be shown on this page. Whoever runs it can add this page’s address to its configuration. [E-ORIGIN]",
  "reason.factor":
    "This host wants a second factor that was given a short while ago. Prove anew who you are, with a passkey or at your provider; an administrator can have your role ask for it. [E-FACTOR]",
  "reason.consent_asked": "The person at the host is asked whether you may come in.",
  "reason.consent": "The person at the host did not let you in, or was not there to do it. [E-CONSENT]",
  "reason.full": "As many people watch as the host takes. Try again when somebody has left. [E-FULL]",
  "reason.policy": "The host ended the session because this page broke a rule of the protocol. Reload it; if that does not help, versions differ. [E-POLICY]",
  "reason.protocol": "Page and host do not understand each other; their versions may differ. Reload the page. [E-PROTOCOL]",
  "reason.malformed": "Page and host do not understand each other; their versions may differ. Reload the page. [E-PROTOCOL]",
  "reason.unsupported": "Page and host do not understand each other; their versions may differ. Reload the page. [E-PROTOCOL]",
  "reason.too_large": "Page and host do not understand each other; their versions may differ. Reload the page. [E-PROTOCOL]",
  "reason.not_found": "There is no such host under this address. Check the link. [E-NOTFOUND]",
  "reason.hostkey": "The host shows another key than the one in your link or on your first visit. It may have been installed anew, or somebody stands between you and it. Ask whoever runs it for a new link. [E-HOSTKEY]",
  "reason.fingerprint": "The certificate of the connection is not the one that the host announced. Somebody may stand between you and it. Tell whoever runs the host. [E-FINGERPRINT]",
  "reason.signature": "The connection is not signed by the host’s key. Somebody may stand between you and it. Tell whoever runs the host. [E-SIGNATURE]",

  "reason.webrtc": "It has no WebRTC, or WebRTC is switched off. Allow it, or use a current Chromium, Firefox or Safari. [E-WEBRTC]",
  "reason.insecure": "The page was opened without encryption, so the browser withholds what it needs. Open it with https://. [E-INSECURE]",
  "reason.ed25519": "It cannot check the host’s signature (Ed25519). Update it: Chromium 137, Firefox 129, Safari 17 or newer. [E-ED25519]",
  "reason.codec": "It can decode none of the host’s video formats. Install Firefox’s OpenH264 plug-in, or ask whoever runs the host to allow VP8. [E-CODEC]",
  "reason.other": "Something unexpected happened ({code}). [E-OTHER]",

  "toolbar.name": "Controls of the remote desktop",
  "toolbar.open": "Open the controls (Ctrl+Alt+Shift)",
  "toolbar.fullscreen": "Full screen",
  "toolbar.window": "Window",
  "toolbar.keys": "Keys",
  "toolbar.display": "Display",
  "toolbar.touch": "Touch",
  "toolbar.clipboard": "Clipboard",
  "toolbar.files": "Files",
  "toolbar.sound": "Sound",
  "toolbar.quality": "Quality",
  "toolbar.pointer": "Lock pointer",
  "toolbar.screenshot": "Screenshot",
  "toolbar.stats": "Statistics",
  "toolbar.viewers": "Viewers",
  "toolbar.disconnect": "Disconnect",
  "toolbar.no_right": "Your link does not permit this.",
  "toolbar.no_picture": "There is no picture yet.",

  "offer.lock": "This application hides or confines the pointer.",
  "hint.play_blocked": "Your browser plays no picture before you ask for it. [E-BLOCKED]",
  "hint.fullscreen": "Hold Esc to leave full screen. Ctrl+Alt+Shift opens the controls.",
  "hint.pointer": "The pointer belongs to the host. Press Ctrl+Alt+Shift or Esc to free it.",
  "hint.no_window": "The browser blocked the window. Allow windows of this page, then try again.",
  "hint.view_only": "You watch only: your link does not permit input.",
  "hint.no_fullscreen": "The browser did not allow full screen.",
  "hint.no_lock": "The browser did not lock the pointer. Try again in a second.",
  "hint.not_resized": "The host’s screen does not take this size.",
  "hint.refused": "The host refused this ({code}).",
  "hint.copied": "Copied.",
  "hint.saved": "Saved as {file}.",

  "keys.typed": "Keys by their signs",
  "keys.physical": "Keys by their places (games)",
  "keys.functions": "Text console",
  "display.exact": "Exact pixels",
  "display.fit": "Fill the window",
  "display.resize": "Make the desktop fit the window",
  "display.all": "All monitors",
  "display.monitor": "{name} · {width}×{height}",
  "display.second": "Open another window",
  "display.fixed": "This display has one size only.",
  "touch.direct": "The pointer is under the finger",
  "touch.trackpad": "The finger pushes the pointer",
  "touch.keyboard": "On-screen keyboard",
  "touch.keybar": "Bar of keys",
  "touch.how": "Tap to click, hold for the right button, tap and drag to drag. Two fingers scroll, or enlarge the picture here.",
  "keybar.name": "Keys",
  "quality.saver": "Save data",
  "quality.saver.how": "For you alone: a coarser picture while things move",
  "quality.auto": "Automatic",
  "quality.cap": "At most {mbit} Mbit/s",
  "quality.everybody": "For everybody who watches",

  "clip.title": "Type a text on the host",
  "clip.how": "Ctrl+V or ⌘V over the picture pastes as usual. Where that is forbidden, such as in a login or a console, paste or write the text here: it is typed key by key and is in no clipboard there.",
  "clip.type": "Type it",
  "clip.blocked": "Something was copied on the host.",
  "clip.large": "Something large was copied on the host.",
  "clip.bring": "Copy it here",
  "clip.other": "What was copied on the host has no form that a browser takes. [E-CLIP-FORM]",
  "clip.failed": "What was copied on the host could not be brought here. Copy it again there. [E-CLIP]",
  "clip.forbidden": "Your link does not permit to use the clipboard. [E-CLIP-RIGHT]",

  "files.title": "Files",
  "files.how": "Drop files or folders on the picture, or choose them here. They go to the folder below on the host.",
  "files.where": "Folder",
  "files.root": "Shared folder",
  "files.empty": "Nothing here yet.",
  "files.unreadable": "This folder cannot be read. The host may share none. [E-FOLDER]",
  "files.no_right": "Your link does not permit this. [E-FILES-RIGHT]",
  "files.send": "Send files…",
  "files.send_folder": "Send a folder…",
  "files.open": "Open",
  "files.download": "Download",
  "files.cancel": "Cancel",
  "files.waiting": "Waits",
  "files.running": "On its way",
  "files.checking": "Being checked",
  "files.done": "Arrived",
  "files.cancelled": "Cancelled",
  "files.full": "There is no room for it on the host. Free some space there, then send it again. [E-FULL-DISK]",
  "files.checksum": "What arrived is not what was sent. Send it again. [E-CHECKSUM]",
  "files.gone": "It is not there any more. [E-FILE-GONE]",
  "files.local_unreadable": "It cannot be read on this machine: no permission, or it was changed or removed meanwhile. Send it again. [E-FILE-LOCAL]",
  "files.several_failed": "{count} did not get through; all are named under Files. The last: {last}",
  "files.off": "The host shares no folder. Whoever runs it can name one with --files. [E-NO-FOLDER]",
  "files.first": "Files go by the first window.",
  "files.tray": "{count} on the way · {percent} %",

  "sound.mute": "Mute",
  "sound.volume": "Volume",
  "sound.start": "Click for sound",
  "sound.missing": "The host has no sound at the moment; the agent looks for it. [E-SOUND]",
  "sound.off": "This host shares no sound. [E-NO-SOUND]",
  "sound.microphone": "Microphone",
  "sound.mic_on": "Your microphone is on",
  "sound.mic_off": "Turn it off",
  "sound.mic_denied": "The browser does not allow the microphone. Allow it for this page, then try again. [E-MIC-DENIED]",
  "sound.mic_absent": "No microphone was found. Connect one, then try again. [E-MIC-ABSENT]",
  "sound.mic_taken": "Somebody else’s microphone is on. [E-MIC-TAKEN]",
  "sound.mic_lost": "Your microphone is off: its connection to the host was lost. Turn it on again if you want. [E-MIC-LOST]",

  "second.alone": "This window belonged to another one that is not there any more. Close it, and open another from that desktop’s Display menu. [E-OPENER]",

  "viewers.title": "Who watches",
  "viewers.you": "you",
  "viewers.controls": "controls",
  "viewers.watches": "watches",
  "viewers.since": "for {minutes} min",
  "viewers.now": "just came",
  "viewers.share": "Invite somebody",
  "control.free": "Everybody here who may control does, without asking.",
  "control.own": "You alone have control.",
  "control.held": "{who} alone has control.",
  "control.stopped": "All keys and pointers are stopped.",
  "control.blocked": "The person at the host has stopped all keys and pointers, and alone can let them again.",
  "control.take": "Take control",
  "control.release": "Give control back",
  "control.ask": "Ask for control",
  "control.ask_no_more": "Ask no longer",
  "control.asked": "{who} would like to have control.",
  "control.given": "You have control now.",
  "control.gone": "{who} has control now.",
  "control.ended": "Everybody here has control again.",
  "control.give": "Give control",
  "control.give_who": "Give control to {who}",
  "control.decline": "Not now",
  "control.decline_who": "Do not give control to {who}",
  "control.stop": "Stop all keys",
  "control.has": "has control",
  "control.asks": "asks for control",
  "viewers.dismiss": "Dismiss",
  "viewers.dismiss_who": "Dismiss {who}",

  "stats.title": "Statistics",
  "stats.copy": "Copy as JSON",
  "stats.picture": "Picture",
  "stats.fps": "Frames",
  "stats.codec": "Codec",
  "stats.rate": "Bitrate",
  "stats.rtt": "Round trip",
  "stats.loss": "Loss",
  "stats.decode": "Decode",
  "stats.jitter": "Jitter buffer",
  "stats.captured": "Change + capture",
  "stats.encoded": "Encode + send",
  "stats.way": "Way here",
  "stats.show": "Until shown",
  "stats.total": "Video, end to end",
  "stats.tiles": "Exact pixels, end to end",
  "stats.exact": "Sharpness",
  "stats.exact.yes": "exact",
  "stats.exact.no": "changing",
  "stats.path": "Path",
});

/** @typedef {keyof typeof TEXTS} TextKey */

/**
 * @param {TextKey} key
 * @param {{ [name: string]: string | number }} [values]
 */
export function t(key, values = {}) {
  return TEXTS[key].replace(/\{(\w+)\}/g, (_, /** @type {string} */ name) => String(values[name] ?? ""));
}

/**
 * The words for a stable code.
 * @param {string} code
 */
export function reasonText(code) {
  const key = `reason.${code}`;
  return Object.hasOwn(TEXTS, key) ? t(/** @type {TextKey} */ (key)) : t("reason.other", { code });
}

/**
 * The words for what went wrong on the way to a login.
 * @param {string} code
 */
export function problemText(code) {
  const key = `problem.${code}`;
  return Object.hasOwn(TEXTS, key) ? t(/** @type {TextKey} */ (key)) : t("problem.other", { code: code.replace(/\W/g, "").slice(0, 32).toUpperCase() });
}

/**
 * What the page that asks for a token says first, where another token is what helps.
 * @param {string} reason
 * @returns {TextKey | undefined}
 */
export function anotherToken(reason) {
  switch (reason) {
    case "unauthorized":
      return "login.unauthorized";
    case "login_required":
      return "reason.login_required";
    case "revoked":
      return "login.revoked";
    case "token_expired":
      return "login.token_expired";
    case "token_not_yet_valid":
      return "login.token_not_yet_valid";
    case "token_revoked":
      return "login.token_revoked";
    default:
      return undefined;
  }
}
