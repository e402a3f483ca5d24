/**
 * Waiting for a state with a deadline, and undoing in reverse what a test set up.
 */

/**
 * Asks again and again until the answer is neither undefined, null nor false, and returns it.
 * The last answer that was not good enough belongs into the message: give `show` for that.
 */
export async function until(what, look, ms = 10_000, show = () => "") {
  const end = performance.now() + ms;
  let trouble = "";
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
      trouble = "";
    } catch (error) {
      trouble = ` (${error.message})`;
    }
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}${trouble} ${await show()}`);
    await pause(20);
  }
}

/** Between two looks; nothing may rely on its length. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Collects what is to be undone; `end` undoes all of it, also when one part fails. */
export class Stack {
  #parts = [];

  add(undo) {
    this.#parts.push(undo);
  }

  async use(thing) {
    const made = await thing;
    this.add(() => made.end());
    return made;
  }

  async end() {
    const errors = [];
    for (const undo of this.#parts.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join("; "));
  }
}

/** Whether the long matrices run as well. */
export const FULL = process.env.REMOVID_FULL === "1";
