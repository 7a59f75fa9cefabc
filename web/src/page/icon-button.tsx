// Buttons that show a sign, with their names for those who do not see it.
import { Icon, type IconName } from "./icon.tsx";

interface Props {
  readonly icon: IconName;
  /** What it does. */
  readonly label: string;
  readonly onClick: (event: MouseEvent) => void;
  readonly class?: string;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
}

/** A button with a sign alone. */
export function IconButton({ icon, label, onClick, class: more = "", disabled, pressed, expanded }: Props) {
  return (
    <button
      type="button"
      class={`icon-button ${more}`}
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled}
      aria-pressed={pressed}
      aria-expanded={expanded}
    >
      <Icon name={icon} />
    </button>
  );
}
