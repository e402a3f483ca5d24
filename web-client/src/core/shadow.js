/**
 * The element's shadow: the picture's stage, the layer that takes input, the drawn pointer, and their looks.
 */

const LABEL = "Remote desktop. Every key goes to the host. To leave, press Control, Alt and Shift together.";

/**
 * @param {ShadowRoot} root
 * @param {HTMLElement} pointers the other viewers'
 */
export function fillShadow(root, pointers) {
  const stage = document.createElement("div");
  const layer = document.createElement("textarea");
  const canvas = document.createElement("canvas");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  root.adoptedStyleSheets = [sheet];
  stage.id = "stage";
  layer.id = "layer";
  // A text field, because only there do dead keys and input methods make their signs.
  Object.assign(layer, { tabIndex: 0, autocomplete: "off", spellcheck: false, inputMode: "none" });
  for (const name of ["autocapitalize", "autocorrect"]) layer.setAttribute(name, "off");
  layer.setAttribute("aria-label", LABEL);
  canvas.id = "cursor";
  canvas.hidden = true;
  // Controls come before the layer, so that Shift+Tab and a screen reader find them first.
  root.append(stage, document.createElement("slot"), layer, pointers, canvas);
  return { stage, layer, canvas };
}

const STYLES = `
:host {
  display: block;
  position: relative;
  overflow: hidden;
  inline-size: 100%;
  aspect-ratio: 16 / 9;
  background: #0b0d10;
  contain: strict;
}
:host([hidden]) { display: none; }
:host(:fullscreen) { inline-size: 100%; block-size: 100%; }
:host([dropping]) { outline: 3px solid #8ab4ff; outline-offset: -3px; }
#stage, #layer { position: absolute; inset: 0; }
#stage { overflow: hidden; }
#stage.doubt { filter: brightness(0.45) saturate(0.4); transition: filter 0.2s; }
video, .tiles {
  position: absolute;
  object-fit: fill;
  pointer-events: none;
  max-inline-size: none;
  max-block-size: none;
}
#layer {
  inline-size: 100%;
  block-size: 100%;
  margin: 0;
  border: 0;
  padding: 0;
  resize: none;
  overflow: hidden;
  background: none;
  color: transparent;
  caret-color: transparent;
  outline: none;
  touch-action: none;
  user-select: none;
  -webkit-user-select: none;
  -webkit-touch-callout: none;
}
#layer:focus-visible:not(.quiet) { animation: ring 1.2s; }
@keyframes ring {
  from { box-shadow: inset 0 0 0 3px #6ea8fe; }
  to { box-shadow: inset 0 0 0 3px transparent; }
}
#pointers { position: absolute; inset: 0; overflow: hidden; pointer-events: none; }
.pointer { position: absolute; inset-block-start: 0; inset-inline-start: 0; transition: translate 60ms linear, opacity 0.6s; }
.pointer[hidden] { display: none; }
.pointer.still { opacity: 0.35; }
.pointer svg { display: block; inline-size: 15px; block-size: 21px; margin: -1px; fill: var(--own); stroke: #fff; stroke-width: 1.2; }
.pointer span {
  position: absolute;
  inset-block-start: 18px;
  inset-inline-start: 10px;
  max-inline-size: 160px;
  overflow: hidden;
  padding: 1px 7px;
  border-radius: 9px;
  background: var(--own);
  color: #fff;
  font: 600 12px/1.5 system-ui, sans-serif;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.pointer span:empty { display: none; }
#cursor { position: absolute; pointer-events: none; max-inline-size: none; }
#cursor[hidden] { display: none; }
::slotted(*) { z-index: 1; }
@media (prefers-reduced-motion: reduce) {
  #stage.doubt, .pointer { transition: none; }
}
`;
