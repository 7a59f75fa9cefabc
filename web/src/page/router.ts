// Which page is shown: the path of the address. Knows no page.
import { Store } from "./store.ts";

const here = () => `${location.pathname}${location.search}`;

/** Path and query of the page. */
export const address = new Store(here());
addEventListener("popstate", () => address.set(here()));

/** Goes to another page of this server, or replaces the address of this one. */
export function navigate(path: string, { replaces = false } = {}): void {
  if (path === here()) return;
  history[replaces ? "replaceState" : "pushState"](null, "", path);
  address.set(here());
}

/** For links: a plain click changes the page without loading it; any other does what the browser does. */
export function onLinkClick(event: MouseEvent): void {
  const { currentTarget, button } = event;
  if (button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate((currentTarget as HTMLAnchorElement).getAttribute("href") ?? "/");
}
