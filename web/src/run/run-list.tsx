// The runs of a folder, one of which is chosen; others can be laid over it.
import { onLinkClick } from "../page/router.ts";
import { useWords } from "../words/index.ts";
import { RUN_COLORS } from "./overlay.ts";
import { runAddress, toggleOver } from "./run-address.ts";
import type { RunEntry } from "./run-records.ts";

interface Props {
  readonly runs: readonly RunEntry[];
  readonly chosen: string | undefined;
  readonly over: readonly string[];
}

/** Draws the list. */
export function RunList({ runs, chosen, over }: Props) {
  const { runs: words } = useWords();
  const shown = [chosen, ...over];
  const colorOf = (name: string) => {
    const place = shown.indexOf(name);
    return over.length > 0 && place >= 0 ? RUN_COLORS[place % RUN_COLORS.length] : undefined;
  };
  return (
    <nav class="run-list" aria-label={words.list}>
      <ul>
        {runs.map(({ name, state, verb }) => (
          <li key={name} class={name === chosen ? "current" : ""}>
            {name === chosen ? (
              <i class={`swatch color-${colorOf(name) ?? "none"}`} />
            ) : (
              <input
                type="checkbox"
                class={`color-${colorOf(name) ?? "none"}`}
                aria-label={words.overlay(name)}
                title={words.overlay(name)}
                checked={over.includes(name)}
                disabled={chosen === undefined}
                onChange={() => chosen !== undefined && toggleOver(chosen, over, name)}
              />
            )}
            <a href={runAddress(name, [])} aria-current={name === chosen ? "page" : undefined} onClick={onLinkClick}>
              <span class="name">{name}</span>
              <small class="quiet">
                {verb} {state && <span class={`state ${state}`}>{words.states[state]}</span>}
              </small>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
