// The HTML of a block of Markdown. What a model writes is text to show and nothing to run: its own HTML stands there as
// text, its pictures are links, and what is left passes a sanitiser that knows few elements.
import DOMPurify from "dompurify";
import { marked, type Token } from "marked";
import "./blocks.ts"; // sets the reader up

const escapeText = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Headings in a message are subordinate to those of the page, whatever their own depth. */
const HEADING_TAG = "h3";

marked.use({
  renderer: {
    html: ({ text, block }) => (block ? `<p>${escapeText(text.trimEnd())}</p>` : escapeText(text)),
    heading({ tokens, depth }) {
      return `<${HEADING_TAG} class="depth-${depth}">${this.parser.parseInline(tokens)}</${HEADING_TAG}>`;
    },
    image: ({ href, text }) => `<a href="${encodeURI(href).replaceAll('"', "%22")}">${escapeText(text || href)}</a>`,
    checkbox: ({ checked }) => `<span class="checkbox">${checked ? "☑" : "☐"}</span> `,
  },
});

const TEXT_TAGS = "p br strong em del code pre ul ol li blockquote hr table thead tbody tr th td a span div sub sup";
const TAGS = [...TEXT_TAGS.split(" "), HEADING_TAG];
const ATTRIBUTES = ["href", "class", "title", "start", "align"];

DOMPurify.addHook("afterSanitizeAttributes", (element) => {
  if (element.tagName !== "A") return;
  element.setAttribute("target", "_blank");
  element.setAttribute("rel", "noopener noreferrer nofollow");
});

/** HTML without anything that acts, loads or reaches outside its place. */
export const sanitized = (html: string): string =>
  DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  });

/** The HTML of a block. */
export const htmlOf = (token: Token): string => sanitized(marked.parser([token]));
