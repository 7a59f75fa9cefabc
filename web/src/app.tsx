// The frame of all pages: which there are, how one gets from one to another, language and theme.
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import { apiKey, getJson, needsKey } from "./page/api.ts";
import { Failure } from "./page/failure.tsx";
import { KeyForm } from "./page/key-form.tsx";
import type { Pages } from "./page/pages.ts";
import { address } from "./page/router.ts";
import { useStore } from "./page/store.ts";
import { TopBar } from "./page/top-bar.tsx";
import { useWords } from "./words/index.ts";

const ChatPage = lazy(() => import("./chat/chat-page.tsx").then(({ ChatPage }) => ({ default: ChatPage })));
const RunsPage = lazy(() => import("./run/runs-page.tsx").then(({ RunsPage }) => ({ default: RunsPage })));
const ServerPage = lazy(() => import("./server/server-page.tsx").then(({ ServerPage }) => ({ default: ServerPage })));

/** Draws the page that the address names. */
export function App() {
  const words = useWords();
  const isLocked = useStore(needsKey);
  const key = useStore(apiKey);
  const [pages, setPages] = useState<Pages>();
  const [error, setError] = useState<Error>();
  const ask = () => {
    setError(undefined);
    getJson<Pages>("/luciole/pages").then(setPages, setError);
  };
  useEffect(ask, [key]);
  return (
    <>
      <a class="skip" href="#content">
        {words.nav.skip}
      </a>
      <TopBar pages={pages} />
      <main id="content">
        {isLocked ? <KeyForm /> : error ? <Failure error={error} onRetry={ask} /> : pages && <Page pages={pages} />}
      </main>
    </>
  );
}

function Page({ pages }: { readonly pages: Pages }) {
  const words = useWords();
  const [, first = ""] = useStore(address).split(/[/?]/);
  const name = first === "" ? (pages.chat ? "chat" : "runs") : first;
  useEffect(() => {
    const title = name in words.nav ? (words.nav[name as "chat" | "runs" | "server"] as string) : "";
    document.title = title ? `${title} · Luciole` : "Luciole";
  }, [name, words]);
  return (
    <Suspense fallback={null}>
      {name === "chat" && pages.chat ? (
        <ChatPage />
      ) : name === "runs" && pages.runs ? (
        <RunsPage />
      ) : name === "server" && pages.server ? (
        <ServerPage />
      ) : (
        <p class="failure">{words.failed.notFound}</p>
      )}
    </Suspense>
  );
}
