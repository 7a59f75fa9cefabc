// A button that copies a text and says so for a moment.
import { useEffect, useState } from "preact/hooks";
import { useWords } from "../words/index.ts";
import { IconButton } from "./icon-button.tsx";

const SHOWN_MS = 1_500;

/** Copies what `text` gives when it is pressed. */
export function CopyButton({ text }: { readonly text: () => string }) {
  const { chat } = useWords();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <IconButton
      icon={isCopied ? "check" : "copy"}
      label={isCopied ? chat.copied : chat.copy}
      onClick={async () => setCopied(await copyText(text()))}
    />
  );
}

/** Puts a text on the clipboard; whether that was possible. Pages without TLS have the older way alone. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    return isDone;
  }
}
