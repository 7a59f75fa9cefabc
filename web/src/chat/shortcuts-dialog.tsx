// The keys and what they do.
import { Dialog } from "../page/dialog.tsx";
import { useWords } from "../words/index.ts";

/** Draws the list. */
export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  const { chat } = useWords();
  return (
    <Dialog title={chat.shortcuts} onClose={onClose}>
      <dl class="shortcuts">
        {chat.keys.map(([keys, action]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{action}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
