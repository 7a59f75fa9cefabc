// What is shown where a page could not be had.
import { useWords } from "../words/index.ts";
import { RequestFailed } from "./api.ts";

/** Says what went wrong, with a way to try again. */
export function Failure({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  const { failed } = useWords();
  const isUnreachable = error instanceof RequestFailed && error.status === 0;
  return (
    <div class="failure" role="alert">
      <p>{isUnreachable ? failed.unreachable : error.message}</p>
      <button type="button" class="button" onClick={onRetry}>
        {failed.again}
      </button>
    </div>
  );
}
