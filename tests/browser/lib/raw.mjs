/**
 * A modified page: its data channels where a script reaches them, and messages that the page itself would not send.
 */

/** Makes a page keep its channels where a script reaches them, as a modified page would. */
export async function tap(viewer) {
  await viewer.page.evaluateOnNewDocument(() => {
    window.channels = {};
    window.heard = [];
    const make = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (label, init) {
      const channel = make.call(this, label, init);
      window.channels[label] = channel;
      channel.addEventListener("message", ({ data }) => typeof data === "string" && window.heard.push(JSON.parse(data)));
      return channel;
    };
  });
}

export async function raw(viewer, channel, message) {
  await viewer.page.evaluate((channel, message) => {
    window.heard.length = 0;
    window.channels[channel].send(Array.isArray(message) ? new Uint8Array(message) : JSON.stringify(message));
  }, channel, message);
}

const text = (value) => [value.length, ...Buffer.from(value)];

/** A key's message, as in signaling-spec/src/channel/input.rs: the key in its place. */
export const key = (code, down) => [0x01, (down ? 1 : 0) | 4, 0, ...text(code), ...text("")];
