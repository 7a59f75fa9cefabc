// Colours code, in the few languages that models are mostly asked for. Loaded when the first piece of code is there.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import { sanitized } from "./html.ts";

const languages = { bash, cpp, css, go, java, javascript, json, python, rust, sql, typescript, xml };
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

/** Beyond that, colours are not worth the wait. */
const LONGEST = 60_000;

/** Colours the text of an element, if its language is known. */
export function highlight(element: HTMLElement, language: string): void {
  const text = element.textContent ?? "";
  if (!hljs.getLanguage(language) || text.length > LONGEST) return;
  element.innerHTML = sanitized(hljs.highlight(text, { language, ignoreIllegals: true }).value);
}
