/**
 * What is known of a host before it has said anything.
 */

/** @import { Desk } from "./types.js" */

/** @type {Desk} */
export const NOTHING = {
  viewer: null,
  hostName: "",
  rights: [],
  width: 0,
  height: 0,
  resizable: false,
  follows: false,
  health: "live",
  monitors: [],
  viewers: [],
  codec: "",
  encoder: "",
  maxKbps: null,
};
