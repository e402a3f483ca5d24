/**
 * Whether this browser lets the page reach the viewer's own network (Local Network Access, WICG): a page from elsewhere must
 * ask the person before it may connect to a host there.
 */

/** The permission's names, the newer one first. */
const NAMES = ["local-network", "local-network-access"];

/**
 * @param {Pick<Permissions, "query"> | undefined} [permissions]
 * @returns {Promise<PermissionState | null>} null where the browser asks nobody
 */
export async function localNetwork(permissions = navigator.permissions) {
  for (const name of NAMES) {
    try {
      const status = await permissions?.query({ name: /** @type {PermissionName} */ (name) });
      if (status !== undefined) return status.state;
    } catch {
      // It does not know that name.
    }
  }
  return null;
}
