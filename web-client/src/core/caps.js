/**
 * What this browser can do, by trying it and never by its name.
 */

import { fromBase64url } from "./bind.js";

/**
 * The reasons why no session can work here, as codes; empty in a browser that can.
 * @returns {Promise<string[]>}
 */
export async function missing() {
  /** @type {string[]} */
  const codes = [];
  if (!globalThis.isSecureContext || globalThis.crypto?.subtle === undefined) codes.push("insecure");
  else if (!(await hasEd25519())) codes.push("ed25519");
  if (typeof RTCPeerConnection !== "function" || typeof RTCPeerConnection.prototype.createDataChannel !== "function") {
    codes.push("webrtc");
  } else if (typeof RTCRtpReceiver?.getCapabilities === "function") {
    const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
    if (!codecs.some(({ mimeType }) => /^video\/(h264|vp8|vp9|av1)$/i.test(mimeType))) codes.push("codec");
  }
  return codes;
}

async function hasEd25519() {
  // RFC 8032 §7.1, the first test's public key.
  const key = fromBase64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  if (key === null) return false;
  try {
    await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** Name and major version, for the list of who watches: nothing is decided by it. */
export function browserName() {
  const brands = navigator.userAgentData?.brands ?? [];
  const brand = brands.find(({ brand }) => !/not|chromium/i.test(brand)) ?? brands.find(({ brand }) => brand === "Chromium");
  if (brand !== undefined) return `${brand.brand} ${brand.version}`;
  const match = /(Firefox|Edg|OPR|Chrome)\/(\d+)/.exec(navigator.userAgent) ?? /(?:Version)\/(\d+).*(Safari)/.exec(navigator.userAgent);
  if (match === null) return "Browser";
  return match[2] === "Safari" ? `Safari ${match[1]}` : `${match[1]} ${match[2]}`;
}
