// The bar above all pages.
import { LANGUAGES, type Language, language, useWords } from "../words/index.ts";
import { IconButton } from "./icon-button.tsx";
import type { Pages } from "./pages.ts";
import { address, onLinkClick } from "./router.ts";
import { useStore } from "./store.ts";
import { nextTheme, theme } from "./theme.ts";

const PATHS = { chat: "/", runs: "/runs", server: "/server" } as const;

/** Draws the bar with links to the pages that there are. */
export function TopBar({ pages }: { readonly pages: Pages | undefined }) {
  const { nav } = useWords();
  const path = useStore(address);
  const chosenTheme = useStore(theme);
  const isHere = (to: string) => (to === "/" ? path.split("?")[0] === "/" : path.startsWith(to));
  return (
    <header class="top">
      <span class="mark">
        <i />
        Luciole
      </span>
      <nav aria-label={nav.label}>
        {(["chat", "runs", "server"] as const)
          .filter((name) => pages?.[name])
          .map((name) => (
            <a
              key={name}
              href={PATHS[name]}
              aria-current={isHere(PATHS[name]) ? "page" : undefined}
              onClick={onLinkClick}
            >
              {nav[name]}
            </a>
          ))}
      </nav>
      <span class="spacer" />
      <LanguageChooser />
      <IconButton icon={chosenTheme} label={nav.theme[chosenTheme]} onClick={nextTheme} />
    </header>
  );
}

function LanguageChooser() {
  const { nav } = useWords();
  const chosen = useStore(language);
  return (
    <select
      class="language"
      aria-label={nav.language}
      value={chosen}
      onChange={({ currentTarget }) => language.set(currentTarget.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([code, { name }]) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  );
}
