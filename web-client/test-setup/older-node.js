/**
 * What every browser that this client supports has, and Debian 12's Node 18 has not.
 */

if (!("isWellFormed" in String.prototype)) {
  Object.defineProperty(String.prototype, "isWellFormed", {
    configurable: true,
    writable: true,
    /** ECMA-262 §22.1.3.10: no surrogate stands alone. @this {string} */
    value() {
      return !/\p{Surrogate}/u.test(this);
    },
  });
}
