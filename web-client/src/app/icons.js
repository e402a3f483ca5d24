/**
 * Line icons, 20 by 20, one stroke width.
 */

const PATHS = /** @type {const} */ ({
  fullscreen: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  keys: "M2.5 5.5h15v9h-15zM5 8.5h.01M8 8.5h.01M11 8.5h.01M14 8.5h.01M6.5 11.8h7",
  display: "M2.5 3.5h15v10h-15zM7 17h6M10 13.5V17",
  touch: "M8 10.5V4.2a1.3 1.3 0 0 1 2.6 0v4.6l4.2.9c1 .2 1.5.9 1.4 1.9l-.5 3.2c-.2 1.2-1 2-2.2 2h-3c-.8 0-1.5-.3-2-.9L4.6 12c-.9-1.100.6-2.500 1.700-1.700z",
  clipboard: "M7 4H4.500v13.500h11V4H13M7 2.500h6v3H7zM7.500 10h5M7.500 13h5",
  files: "M2.500 4.500h5l1.800 2h8.200v9h-15z",
  sound: "M3 7.500v5h3l4 3.500v-12l-4 3.500zM13 7.500a3.500 3.500 0 0 1 0 5M15.200 5a7 7 0 0 1 0 10",
  microphone: "M10 2.500a2.300 2.300 0 0 1 2.300 2.300v4.400a2.300 2.300 0 0 1-4.600 0V4.800A2.300 2.300 0 0 1 10 2.500M5 9a5 5 0 0 0 10 0M10 14v3.500M7.500 17.500h5",
  quality: "M3 15a7.5 7.5 0 1 1 14 0M10 13l3.5-5M9 13.5a1.2 1.2 0 1 0 2 0",
  pointer: "M5 3l10 6.2-4.6 1.1L8 14.5zM11 12l3.5 5",
  screenshot: "M2.5 6h3.2l1.4-2h5.8l1.4 2h3.2v10h-15zM10 8a2.8 2.8 0 1 0 .01 0",
  stats: "M3 17V9M8 17V3M13 17v-6M18 17V7",
  viewers: "M7 9.5a3 3 0 1 0-.01 0M1.8 16.5c.4-3 2.5-4.5 5.2-4.5s4.8 1.5 5.2 4.5M13 4.2a2.7 2.7 0 0 1 0 5.2M15 12.3c1.8.6 2.9 2 3.2 4.2",
  disconnect: "M10 2.5v7M5.6 5.2a6.7 6.7 0 1 0 8.8 0",
  chevron: "M5 8l5 5 5-5",
});

/** @typedef {keyof typeof PATHS} IconName */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
