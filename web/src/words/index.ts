// The languages of the pages, and the one that is spoken.
import { savedStore } from "../page/saved.ts";
import { useStore } from "../page/store.ts";
import { en, type Words } from "./en.ts";
import { fr } from "./fr.ts";

/** All languages by their codes. */
export const LANGUAGES = { en, fr } as const;
/** The code of a language. */
export type Language = keyof typeof LANGUAGES;

/** The first of the browser's languages that is known. */
const preferred = (): Language =>
  navigator.languages.map((tag) => tag.slice(0, 2) as Language).find((code) => code in LANGUAGES) ?? "en";

/** The language that is spoken. */
export const language = savedStore<Language>("language", preferred(), (value) => String(value) in LANGUAGES);

/** Tells the browser which language the page is in, now and when it changes. */
export function followLanguage(): void {
  const apply = () => {
    document.documentElement.lang = language.value;
  };
  apply();
  language.subscribe(apply);
}

/** The texts of the language that is spoken. */
export const useWords = (): Words => LANGUAGES[useStore(language)];

/** How numbers, sizes and times are written in the language that is spoken. */
export function useNumbers() {
  const { locale } = useWords();
  return {
    whole: (value: number) => Math.round(value).toLocaleString(locale),
    number: (value: number, digits = 1) => value.toLocaleString(locale, { maximumFractionDigits: digits }),
    percent: (value: number) => value.toLocaleString(locale, { style: "percent", maximumFractionDigits: 1 }),
    memory: (bytes: number) => memory(bytes, locale),
    duration: (seconds: number) => duration(seconds, locale),
    time: (iso: string | number) => new Date(iso).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" }),
  };
}

function memory(bytes: number, locale: string): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const value = bytes / 1024 ** power;
  return `${value.toLocaleString(locale, { maximumFractionDigits: value < 10 ? 1 : 0 })} ${"B KiB MiB GiB TiB".split(" ")[power]}`;
}

/** `< 0.1 s`, `8.2 s`, `48 s`, `12 min 5 s`, `3 h 20 min`. */
function duration(seconds: number, locale: string): string {
  if (seconds < 0.05) return `< ${(0.1).toLocaleString(locale)} s`;
  if (seconds < 9.95) return `${seconds.toLocaleString(locale, { maximumFractionDigits: 1 })} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}
