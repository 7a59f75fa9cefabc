// What an answer that is no success means, in one line with its mend. The codes as in huggingface_hub@2.4.0,
// utils/_http.py. Knows how hubs answer; asks nothing itself.
import { HubError } from "../errors.js";
import { quoted, type RepositoryKind } from "./names.js";
import { TemporaryFailure } from "./patience.js";
import type { HubSettings } from "./settings.js";

/** What was asked for, for the words of a refusal. */
export interface Asked {
  readonly settings: HubSettings;
  readonly kind: RepositoryKind;
  readonly repo: string;
  readonly revision: string;
}

/** Where a repository has its pages and files: data sets have a folder of their own. */
export const addressOf = ({ settings, kind, repo }: Asked): string =>
  `${settings.endpoint}/${kind === "dataset" ? "datasets/" : ""}${repo}`;

const BUSY = [408, 425, 429, 500, 502, 503, 504];

/** The error of an answer with a status of 400 or above; `url` is what answered, after redirects. */
export function refusal(asked: Asked, url: string, response: Pick<Response, "status" | "headers">): HubError {
  const { status, headers } = response;
  const host = new URL(url).host;
  const code = headers.get("x-error-code");
  if (status === 429) return rateLimit(host, headers);
  if (BUSY.includes(status))
    return new TemporaryFailure(
      `${host} answers ${status}: it is overloaded or out of order; try again later`,
      retryAfterMs(headers),
    );
  // The storage behind the hub knows no repositories: its refusals are those of a link that has run out.
  if (!code && new URL(asked.settings.endpoint).host !== host)
    return new TemporaryFailure(`${host}, where ${asked.repo} is stored, answers ${status}`);
  if (code === "GatedRepo") return gated(asked);
  if (code === "RevisionNotFound") return noRevision(asked);
  if (code === "EntryNotFound")
    return new HubError(
      `${asked.repo}: the hub lists a file that does not exist there: ${quoted(new URL(url).pathname)}; try ` +
        "again later",
    );
  if (code === "RepoNotFound" || status === 404) return noRepository(asked);
  if (status === 401)
    return headers.get("x-error-message")?.startsWith("Invalid credentials") ? badToken(asked) : noRepository(asked);
  const said = headers.get("x-error-message");
  if (status === 403)
    return new HubError(
      `${asked.repo}: ${host} denies access${said ? `: ${quoted(said)}` : ""}; check what ${tokenName(asked)} may read`,
    );
  return new HubError(
    `${asked.repo}: ${host} answers ${status}${said ? `: ${quoted(said)}` : ""}; check the name and HF_ENDPOINT`,
  );
}

function gated(asked: Asked): HubError {
  const { settings, repo } = asked;
  const page = addressOf(asked);
  return new HubError(
    settings.token
      ? `${repo} is gated, and the account of ${settings.token.source} has no access; request access at ${page}`
      : `${repo} is gated: accept its terms at ${page}, create a token at ` +
          `${settings.endpoint}/settings/tokens and set HF_TOKEN to it`,
  );
}

const noRevision = (asked: Asked): HubError =>
  new HubError(
    `${asked.repo} has no revision ${quoted(asked.revision)}; its branches and tags are listed at ` +
      `${addressOf(asked)}/tree/main`,
  );

const noRepository = (asked: Asked): HubError =>
  new HubError(
    `there is no ${asked.kind === "dataset" ? "data set" : "model"} ${asked.repo} at ` +
      `${asked.settings.endpoint}, or it is private${
        asked.settings.token ? ` and ${tokenName(asked)} may not read it` : ""
      }; check the name${asked.settings.token ? "" : ", or give a token that may read it in HF_TOKEN"}`,
  );

const badToken = (asked: Asked): HubError =>
  new HubError(
    `${asked.settings.endpoint} does not accept ${tokenName(asked)}; create a new one at ` +
      `${asked.settings.endpoint}/settings/tokens`,
  );

const tokenName = ({ settings }: Asked): string =>
  settings.token ? `the token of ${settings.token.source}` : "a token in HF_TOKEN";

function rateLimit(host: string, headers: Headers): TemporaryFailure {
  const waitMs = retryAfterMs(headers);
  const when = waitMs === null ? "try again later" : `wait ${Math.ceil(waitMs / 1000)} s`;
  return new TemporaryFailure(
    `${host} refuses further requests (429, too many); ${when}; a token in HF_TOKEN raises the limit`,
    waitMs,
  );
}

/** `Retry-After` in seconds or as a date, else the `t=` of `RateLimit`. */
function retryAfterMs(headers: Headers): number | null {
  const text = headers.get("retry-after") ?? /;\s*t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  if (!text) return null;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null;
}

const UNREACHABLE = ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"];

/** No way to the hub at all. */
export class Unreachable extends HubError {}

/**
 * The error of a request that got no answer. One that could not even begin is final unless the hub has answered before.
 */
export function unanswered(url: string, error: unknown, hasAnswered: boolean): HubError {
  const { host } = new URL(url);
  const { code, message } = rootOf(error);
  if (/CERT|TLS|SSL|SIGNED|VERIFY/.test(code ?? "")) {
    return new HubError(
      `the certificate of ${host} cannot be trusted (${code}); if a proxy signs connections itself, set ` +
        "NODE_EXTRA_CA_CERTS to its certificate",
      {
        cause: error,
      },
    );
  }
  // Without the system's word on it, the request itself cannot be made.
  if (code === undefined)
    return new HubError(`cannot send a request to ${host} (${withoutAddresses(message)}); check HF_ENDPOINT`, {
      cause: error,
    });
  if (!UNREACHABLE.includes(code) || hasAnswered)
    return new TemporaryFailure(`the connection to ${host} was lost (${code})`, null, { cause: error });
  return new Unreachable(
    `${host} cannot be reached (${code}); check the network${proxyHint()}, or set HF_ENDPOINT to a mirror`,
    { cause: error },
  );
}

/** Node's own requests heed a proxy only where they are told to. */
function proxyHint(env: NodeJS.ProcessEnv = process.env): string {
  const name = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].find((each) => env[each]);
  if (!name || env.NODE_USE_ENV_PROXY === "1") return "";
  return ` (${name} is set: Node uses it from version 22.21 or 24 on, with NODE_USE_ENV_PROXY=1)`;
}

/** Addresses may hold passwords and signed queries: no more of them is told than where they lead. */
const withoutAddresses = (text: string): string =>
  text.replaceAll(/\bhttps?:\/\/[^\s"'<>]*/gi, (url) => (URL.canParse(url) ? new URL(url).host : "an address"));

/** What lies at the bottom of a failed fetch: the system's code, where there is one, and the last message. */
function rootOf(error: unknown): { code?: string; message: string } {
  let message = "no reason given";
  for (
    let each = error as { code?: unknown; cause?: unknown; message?: string } | undefined;
    each;
    each = each.cause as typeof each
  ) {
    if (typeof each.code === "string") return { code: each.code, message };
    message = each.message || message;
  }
  return { message };
}
