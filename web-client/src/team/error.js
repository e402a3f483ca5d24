/**
 * Starts the page that stands for a refused address; the router wrote into the page which refusal it was.
 */

import { errorPage } from "./error-page.js";

const { code = "other", root = "" } = document.documentElement.dataset;
const { title, element } = errorPage(code, root);
document.title = title;
document.body.replaceChildren(element);
