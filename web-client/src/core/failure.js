/**
 * Why an attempt to connect failed: a stable code for programs, a sentence for developers.
 */

export class Failure extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = "Failure";
    this.code = code;
  }
}
