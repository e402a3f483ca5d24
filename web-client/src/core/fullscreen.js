/**
 * Full screen with the keys that a browser otherwise keeps, where it allows that.
 */

/**
 * @param {(options: FullscreenOptions) => Promise<void>} request
 * @param {FullscreenOptions} [options]
 */
export async function fullscreen(request, options) {
  await request({ navigationUI: "hide", keyboardLock: "browser", ...options });
  try {
    await navigator.keyboard?.lock?.();
  } catch {
    // Full screen without these keys is still full screen; the keys menu has them.
  }
}
