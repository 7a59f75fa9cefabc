// Asks for the API key of a server that wants one.
import { useState } from "preact/hooks";
import { useWords } from "../words/index.ts";
import { apiKey, needsKey } from "./api.ts";

/** Draws the form; what is given is tried at once. */
export function KeyForm() {
  const { key: words } = useWords();
  const [given, setGiven] = useState("");
  return (
    <form
      class="key-form"
      onSubmit={(event) => {
        event.preventDefault();
        needsKey.set(false);
        apiKey.set("");
        apiKey.set(given.trim());
      }}
    >
      <h1>{words.title}</h1>
      <label for="key">{words.label}</label>
      <input
        id="key"
        type="password"
        autoComplete="off"
        value={given}
        onInput={({ currentTarget }) => setGiven(currentTarget.value)}
      />
      <small>{words.note}</small>
      <button type="submit" class="button solid" disabled={given.trim() === ""}>
        {words.open}
      </button>
    </form>
  );
}
