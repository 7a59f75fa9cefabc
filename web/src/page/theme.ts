// Light, dark, or as the system has it.
import { savedStore } from "./saved.ts";

/** The choices, in the order in which the button goes through them. */
export const THEMES = ["system", "light", "dark"] as const;
/** One of the choices. */
export type Theme = (typeof THEMES)[number];

/** What was chosen. */
export const theme = savedStore<Theme>("theme", "system", (value) => THEMES.includes(value as Theme));

const apply = () => {
  const { dataset } = document.documentElement;
  if (theme.value === "system") delete dataset.theme;
  else dataset.theme = theme.value;
};

/** Puts the choice into effect, now and when it changes. */
export function followTheme(): void {
  apply();
  theme.subscribe(apply);
}

/** Goes on to the next choice. */
export const nextTheme = (): void => theme.update((current) => THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]);
